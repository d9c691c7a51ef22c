//! covey.zig: what a Zig application for covey imports.
//!
//! An application is a WebAssembly module that imports only from "covey" and exports its methods,
//! each without parameters and results. A method reads its arguments (JSON), reads and changes
//! entries of its collections, and writes one result (JSON). A whole application with one method:
//!
//!     const covey = @import("covey");
//!
//!     export fn greet() void {
//!         const name = covey.args("name").text("name", 1, 64);
//!         covey.put("greeted", name, "yes");
//!         var out: covey.Out = .{};
//!         out.object().name("hello").text(name).endObject().done();
//!     }
//!
//! Rules worth knowing:
//! - Each call begins with fresh memory: no variable survives it. What must last is an entry of a
//!   collection.
//! - Memory comes from `alloc` and is never freed: it goes when the call ends.
//! - `fail` refuses the call with a message and does not return; nothing that the call did takes
//!   effect.
//! - A query may not write, emit or draw random bytes: the host stops it.
//! - There are no floats, files, clocks or network. Two nodes that run one call get the same bytes.
//! - The stack is 16 KiB: do not recurse over data.

const std = @import("std");

const json = @import("covey_json.zig");
pub const Json = json.Json;
pub const refuse = json.refuse;
pub const utf8Count = json.utf8Count;
pub const Out = @import("covey_out.zig").Out;

// For `validate`, which covey_effects.zig explains.
pub const Effect = @import("covey_effects.zig").Effect;
pub const Effects = @import("covey_effects.zig").Effects;
pub const effects = @import("covey_effects.zig").effects;

/// A view of memory that lasts as long as the call.
pub const Bytes = []const u8;

/// The host's functions, as the interface covey/1 names them. Below are easier ones.
pub const host = struct {
    const P = ?[*]const u8;
    pub extern "covey" fn input(to: [*]u8, cap: u32) u32;
    pub extern "covey" fn output(text: P, len: u32) void;
    pub extern "covey" fn fail(message: P, len: u32) void;
    pub extern "covey" fn get(c: P, c_len: u32, key: P, k_len: u32, to: ?[*]u8, cap: u32) i32;
    pub extern "covey" fn put(c: P, c_len: u32, key: P, k_len: u32, value: P, v_len: u32) void;
    pub extern "covey" fn delete(c: P, c_len: u32, key: P, k_len: u32) void;
    pub extern "covey" fn add(c: P, c_len: u32, key: P, k_len: u32, amount: i64) void;
    pub extern "covey" fn scan(c: P, c_len: u32, prefix: P, p_len: u32, after: P, a_len: u32) i32;
    pub extern "covey" fn next(handle: i32, to: [*]u8, cap: u32) u32;
    pub extern "covey" fn member(to: *[32]u8) void;
    pub extern "covey" fn device(to: *[32]u8) void;
    pub extern "covey" fn context(to: *[36]u8) void;
    pub extern "covey" fn time() i64;
    pub extern "covey" fn random(to: [*]u8, len: u32) void;
    pub extern "covey" fn emit(name: P, n_len: u32, content: P, len: u32) void;
    pub extern "covey" fn log(text: P, len: u32) void;
    pub extern "covey" fn verify(signature: *const [64]u8, key: *const [32]u8, m: P, len: u32) i32;
    pub extern "covey" fn sha256(content: P, len: u32, to: *[32]u8) void;
};

// ---- Memory: it is handed out upwards and goes when the call ends. -----------------------------

extern var __heap_base: u8;
var arena_top: usize = 0;

/// `len` bytes, aligned to 8, not cleared. The host bounds memory; with none left, the call fails.
pub fn alloc(len: usize) []u8 {
    const top = if (arena_top == 0) @intFromPtr(&__heap_base) else arena_top;
    const start = (top + 7) & ~@as(usize, 7);
    const end = @as(u64, start) + len;
    const have = @as(u64, @wasmMemorySize(0)) << 16;
    if (end > have) {
        const pages: usize = @intCast((end - have + 65535) >> 16);
        if (end >= std.math.maxInt(u32) or @wasmMemoryGrow(0, pages) < 0)
            fail("the application is out of memory");
    }
    arena_top = @intCast(end);
    return @as([*]u8, @ptrFromInt(start))[0..len];
}

/// One value of a type, not set.
pub fn create(comptime T: type) *T {
    comptime std.debug.assert(@alignOf(T) <= 8);
    return @ptrCast(@alignCast(alloc(@sizeOf(T)).ptr));
}

/// Keep only the first `len` bytes of the newest allocation.
fn trim(newest: []u8, len: usize) Bytes {
    arena_top = @intFromPtr(newest.ptr) + len;
    return newest[0..len];
}

/// Two views joined, for keys such as member ‖ field.
pub fn join(a: Bytes, b: Bytes) Bytes {
    const both = alloc(a.len + b.len);
    @memcpy(both[0..a.len], a);
    @memcpy(both[a.len..], b);
    return both;
}

/// A growing buffer. Start with `var b: Buf = .{};`.
pub const Buf = struct {
    room: []u8 = &.{},
    len: usize = 0,

    pub fn add(self: *Buf, more: Bytes) void {
        const need = self.len + more.len;
        if (need > self.room.len) {
            const bigger = alloc(if (need < 128) 256 else need * 2);
            @memcpy(bigger[0..self.len], self.bytes());
            self.room = bigger;
        }
        @memcpy(self.room[self.len..need], more);
        self.len = need;
    }

    pub fn byte(self: *Buf, value: u8) void {
        self.add(&.{value});
    }

    /// A number in decimal digits.
    pub fn int(self: *Buf, value: i64) void {
        var digits: [20]u8 = undefined;
        var at: usize = digits.len;
        var rest: u64 = @abs(value);
        while (true) {
            at -= 1;
            digits[at] = '0' + @as(u8, @intCast(rest % 10));
            rest /= 10;
            if (rest == 0) break;
        }
        if (value < 0) {
            at -= 1;
            digits[at] = '-';
        }
        self.add(digits[at..]);
    }

    pub fn bytes(self: *const Buf) Bytes {
        return self.room[0..self.len];
    }
};

// ---- How a call ends ---------------------------------------------------------------------------

/// Refuse the call with a message for the caller. Does not return.
pub fn fail(message: Bytes) noreturn {
    host.fail(message.ptr, message.len);
    @trap();
}

/// The arguments of the call: an object with no other names than `allowed` (a space between two).
/// No input counts as {}.
pub fn args(allowed: Bytes) *const Json {
    var text = alloc(1024);
    const len = host.input(text.ptr, text.len);
    if (len > text.len) {
        text = alloc(len);
        _ = host.input(text.ptr, len);
    }
    const value = Json.read(if (len == 0) "{}" else text[0..len]);
    if (value.kind != .object) fail("the arguments must be a JSON object");
    value.only(allowed);
    return value;
}

// ---- Entries -----------------------------------------------------------------------------------

/// The value of an entry, or null if there is none. Sees what this call has written.
pub fn get(collection: Bytes, key: Bytes) ?Bytes {
    var cap: usize = 512;
    while (true) {
        const to = alloc(cap);
        const len = host.get(collection.ptr, collection.len, key.ptr, key.len, to.ptr, cap);
        if (len >= 0 and len <= cap) return trim(to, @intCast(len));
        _ = trim(to, 0);
        if (len < 0) return null;
        cap = @intCast(len);
    }
}

/// Whether there is such an entry, without copying its value.
pub fn has(collection: Bytes, key: Bytes) bool {
    return host.get(collection.ptr, collection.len, key.ptr, key.len, null, 0) >= 0;
}

pub fn put(collection: Bytes, key: Bytes, value: Bytes) void {
    host.put(collection.ptr, collection.len, key.ptr, key.len, value.ptr, value.len);
}

pub fn delete(collection: Bytes, key: Bytes) void {
    host.delete(collection.ptr, collection.len, key.ptr, key.len);
}

/// Add to an entry of a counter collection.
pub fn add(collection: Bytes, key: Bytes, amount: i64) void {
    host.add(collection.ptr, collection.len, key.ptr, key.len, amount);
}

/// The value of a counter entry as `get` and `Scan` give it: 8 bytes, little-endian.
pub fn counter(value: Bytes) i64 {
    if (value.len != 8) fail("a counter's value is not 8 bytes long");
    return std.mem.readInt(i64, value[0..8], .little);
}

/// Entries whose keys begin with `prefix`, in the order of keys, after the key `after` ("": from
/// the first). Writing does not move a scan under way.
pub fn scan(c: Bytes, prefix: Bytes, after: Bytes) Scan {
    const handle = host.scan(c.ptr, c.len, prefix.ptr, prefix.len, after.ptr, after.len);
    return .{ .handle = handle };
}

pub const Scan = struct {
    pub const Entry = struct { key: Bytes, value: Bytes };
    const page_size_bytes = 16384;

    handle: i32,
    page: Bytes = "",

    pub fn next(self: *Scan) ?Entry {
        var cap: usize = page_size_bytes;
        while (self.page.len == 0) {
            const to = alloc(cap);
            const len = host.next(self.handle, to.ptr, cap);
            self.page = trim(to, if (len > cap) 0 else len);
            if (len == 0) return null;
            cap = len;
        }
        const key = self.sized();
        return .{ .key = key, .value = self.sized() };
    }

    fn sized(self: *Scan) Bytes {
        const end = 4 + std.mem.readInt(u32, self.page[0..4], .little);
        defer self.page = self.page[end..];
        return self.page[4..end];
    }
};

// ---- Who, when, events, hashes -----------------------------------------------------------------

/// The key of the member who called; in a query, of this node's member.
pub fn member() [32]u8 {
    var key: [32]u8 = undefined;
    host.member(&key);
    return key;
}

/// The key of the device that called.
pub fn device() [32]u8 {
    var key: [32]u8 = undefined;
    host.device(&key);
    return key;
}

/// The id of the context.
pub fn context() [36]u8 {
    var id: [36]u8 = undefined;
    host.context(&id);
    return id;
}

/// Unix milliseconds, as the author's clock claims.
pub fn time() i64 {
    return host.time();
}

/// The next bytes of the call's stream: equal on every node, and no secret.
pub fn random(to: []u8) void {
    host.random(to.ptr, to.len);
}

/// Tell subscribers of the context that something happened.
pub fn emit(name: Bytes, content: Bytes) void {
    host.emit(name.ptr, name.len, content.ptr, content.len);
}

/// A line for the developer; never part of the state.
pub fn log(text: Bytes) void {
    host.log(text.ptr, text.len);
}

/// Whether `signature` is the Ed25519 signature of `message` under `key`.
pub fn verify(signature: *const [64]u8, key: *const [32]u8, message: Bytes) bool {
    return host.verify(signature, key, message.ptr, message.len) == 1;
}

pub fn sha256(content: Bytes) [32]u8 {
    var hash: [32]u8 = undefined;
    host.sha256(content.ptr, content.len, &hash);
    return hash;
}
