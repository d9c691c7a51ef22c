//! What a call has done, for `validate`. Import covey, not this file.
//!
//! An application may export `validate`. The host runs it after each call that returned, as a query
//! on the state that the call leaves; where it calls `fail`, the call is refused. For example, so
//! that no method leaves an empty entry behind:
//!
//!     export fn validate() void {
//!         var effects = covey.effects();
//!         while (effects.next()) |effect| switch (effect.op) {
//!             .put => |value| if (value.len == 0) covey.fail("an entry is empty"),
//!             else => {},
//!         };
//!     }
//!
//! It is no method and not in abi.json. It has fresh memory, and what is left of the call's fuel.

const covey = @import("covey.zig");

const Bytes = covey.Bytes;

/// What a call did to one entry.
pub const Effect = struct {
    collection: Bytes,
    key: Bytes,
    op: union(enum) { put: Bytes, delete, add: i64 },
};

/// The effects in the order of (collection, key). The host writes them in one form, so reading it
/// takes no more than skipping what is always there.
pub const Effects = struct {
    text: []u8,
    at: usize = 0,

    pub fn next(self: *Effects) ?Effect {
        if (self.text[self.at] == ']' or self.text[self.at + 1] == ']') return null;
        const collection = self.string("[{\"collection\":\"");
        const op = self.string("\",\"op\":\"")[0];
        const key = base64(self.string("\",\"key\":\""));
        if (op == 'a') return .{ .collection = collection, .key = key, .op = .{ .add = self.int() } };
        const value: Bytes = if (op == 'p') base64(self.string("\",\"value\":\"")) else "";
        self.at += "\"}".len;
        if (op == 'd') return .{ .collection = collection, .key = key, .op = .delete };
        return .{ .collection = collection, .key = key, .op = .{ .put = value } };
    }

    /// The string that begins after `before`; the next one begins at its closing quote.
    fn string(self: *Effects, before: Bytes) []u8 {
        const start = self.at + before.len;
        self.at = start;
        while (self.text[self.at] != '"') self.at += 1;
        return self.text[start..self.at];
    }

    fn int(self: *Effects) i64 {
        self.at += "\",\"amount\":".len;
        const negative = self.text[self.at] == '-';
        self.at += @intFromBool(negative);
        var size: u64 = 0;
        while (self.text[self.at] != '}') : (self.at += 1)
            size = size *% 10 +% (self.text[self.at] - '0');
        self.at += 1;
        return @bitCast(if (negative) 0 -% size else size);
    }
};

/// The effects of the call that `validate` is asked about.
pub fn effects() Effects {
    var text = covey.alloc(1024);
    const len = covey.host.input(text.ptr, text.len);
    if (len > text.len) {
        text = covey.alloc(len);
        _ = covey.host.input(text.ptr, len);
    }
    if (len == 0 or text[0] != '[') covey.fail("these are not the effects of a call");
    return .{ .text = text[0..len] };
}

/// Base64 with padding, decoded in its own place.
fn base64(text: []u8) Bytes {
    var len: usize = 0;
    var word: u32 = 0;
    var padding: usize = 0;
    for (text, 0..) |c, i| {
        padding += @intFromBool(c == '=');
        word = word << 6 | digit(c);
        if (i % 4 != 3) continue;
        text[len] = @truncate(word >> 16);
        text[len + 1] = @truncate(word >> 8);
        text[len + 2] = @truncate(word);
        len += 3;
    }
    return text[0 .. len - padding];
}

fn digit(c: u8) u32 {
    return switch (c) {
        'A'...'Z' => c - 'A',
        'a'...'z' => c - 'a' + 26,
        '0'...'9' => @as(u32, c) - '0' + 52,
        '+' => 62,
        '/' => 63,
        else => 0,
    };
}
