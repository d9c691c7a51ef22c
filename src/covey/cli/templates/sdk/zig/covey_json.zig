//! The arguments of a call. Import covey, not this file.
//!
//! Reading is strict: JSON by RFC 8259 in valid UTF-8, whole numbers of 64 bits only, no name
//! twice in one object, nothing after the value. Whatever deviates refuses the call with a
//! message; nothing here traps.

const std = @import("std");
const covey = @import("covey.zig");

const Bytes = covey.Bytes;
const depth_max = 32; // Recursion: keeps the reader below the 16 KiB stack.
const members_max = 256; // Of one object: looking for double names is quadratic.

pub const Kind = enum { null, boolean, int, text, array, object };

/// One value. Elements of an array and members of an object are a list:
/// var e = value.first; while (e) |element| : (e = element.next) {}
pub const Json = struct {
    kind: Kind = .null,
    bool_value: bool = false,
    count: u32 = 0, // array, object: how many are in the list
    int_value: i64 = 0,
    text_value: Bytes = "", // UTF-8, may hold NUL
    name: Bytes = "", // as a member of an object
    first: ?*Json = null,
    next: ?*Json = null,

    /// Read one JSON value that fills `content`.
    pub fn read(content: Bytes) *const Json {
        var reader: Reader = .{ .content = content };
        const value = reader.value(depth_max);
        if (reader.at != content.len) reader.refuseJson("something after the value");
        return value;
    }

    /// A member of an object by its name.
    pub fn field(self: *const Json, name: Bytes) ?*const Json {
        var member: ?*const Json = self.first;
        while (member) |m| : (member = m.next) if (std.mem.eql(u8, m.name, name)) return m;
        return null;
    }

    /// Refuse an object with a name that is not in `allowed`: names with a space between them.
    pub fn only(self: *const Json, allowed: Bytes) void {
        var member: ?*const Json = self.first;
        while (member) |m| : (member = m.next) {
            var words = std.mem.tokenizeScalar(u8, allowed, ' ');
            while (words.next()) |word| {
                if (std.mem.eql(u8, word, m.name)) break;
            } else refuse(m.name, "is unknown");
        }
    }

    /// Whether an argument is there and not null: for what is optional.
    pub fn has(self: *const Json, name: Bytes) bool {
        const value = self.field(name) orelse return false;
        return value.kind != .null;
    }

    /// An argument of any kind; one that is missing refuses the call.
    pub fn arg(self: *const Json, name: Bytes) *const Json {
        return self.field(name) orelse refuse(name, "is missing");
    }

    /// A string of `from` to `to` bytes.
    pub fn text(self: *const Json, name: Bytes, from: u32, to: u32) Bytes {
        const value = self.arg(name);
        if (value.kind != .text or value.text_value.len < from or value.text_value.len > to)
            refuseRange(name, "a string of ", from, to, " bytes");
        return value.text_value;
    }

    pub fn int(self: *const Json, name: Bytes, from: i64, to: i64) i64 {
        const value = self.arg(name);
        if (value.kind != .int or value.int_value < from or value.int_value > to)
            refuseRange(name, "a whole number from ", from, to, "");
        return value.int_value;
    }

    pub fn boolean(self: *const Json, name: Bytes) bool {
        const value = self.arg(name);
        if (value.kind != .boolean) refuse(name, "must be true or false");
        return value.bool_value;
    }

    /// An array of `from` to `to` elements.
    pub fn array(self: *const Json, name: Bytes, from: u32, to: u32) *const Json {
        const value = self.arg(name);
        if (value.kind != .array or value.count < from or value.count > to)
            refuseRange(name, "an array of ", from, to, " elements");
        return value;
    }

    /// Exactly `len` bytes, written as hexadecimal digits.
    pub fn hex(self: *const Json, name: Bytes, len: u32) Bytes {
        const value = self.arg(name);
        const bytes = covey.alloc(len);
        var right = value.kind == .text and value.text_value.len == 2 * len;
        for (bytes, 0..) |*byte, i| {
            if (!right) break;
            const high = hexDigit(value.text_value[2 * i]);
            const low = hexDigit(value.text_value[2 * i + 1]);
            right = high != null and low != null;
            byte.* = (high orelse 0) << 4 | (low orelse 0);
        }
        if (!right) refuseRange(name, "", 2 * len, 2 * len, " hexadecimal digits");
        return bytes;
    }
};

/// Refuse the call because of one argument: "argument 'NAME' WHAT".
pub fn refuse(name: Bytes, what: Bytes) noreturn {
    var message: covey.Buf = .{};
    message.add("argument '");
    message.add(name);
    message.add("' ");
    message.add(what);
    covey.fail(message.bytes());
}

/// The same with bounds: "argument 'NAME' must be WHAT FROM to TO UNIT".
fn refuseRange(name: Bytes, what: Bytes, from: i64, to: i64, unit: Bytes) noreturn {
    var message: covey.Buf = .{};
    message.add("must be ");
    message.add(what);
    message.int(from);
    if (from != to) {
        message.add(" to ");
        message.int(to);
    }
    message.add(unit);
    refuse(name, message.bytes());
}

// ---- UTF-8 -------------------------------------------------------------------------------------

/// Bytes of the first character (1 to 4), or 0 if it is not valid UTF-8 (too long a form,
/// surrogate, cut off).
pub fn utf8Next(text: Bytes) usize {
    if (text.len == 0) return 0;
    const a = text[0];
    if (a < 0x80) return 1;
    if (a < 0xC2 or a > 0xF4) return 0;
    const len: usize = if (a < 0xE0) 2 else if (a < 0xF0) 3 else 4;
    if (text.len < len) return 0;
    const low: u8 = if (a == 0xE0) 0xA0 else if (a == 0xF0) 0x90 else 0x80;
    const high: u8 = if (a == 0xED) 0x9F else if (a == 0xF4) 0x8F else 0xBF;
    if (text[1] < low or text[1] > high) return 0;
    for (text[2..len]) |byte| if (byte & 0xC0 != 0x80) return 0;
    return len;
}

/// The number of characters (code points); bytes that are not UTF-8 count one each.
pub fn utf8Count(text: Bytes) usize {
    var count: usize = 0;
    var at: usize = 0;
    while (at < text.len) : (count += 1) at += @max(1, utf8Next(text[at..]));
    return count;
}

fn hexDigit(c: u8) ?u8 {
    return switch (c) {
        '0'...'9' => c - '0',
        'a'...'f' => c - 'a' + 10,
        'A'...'F' => c - 'A' + 10,
        else => null,
    };
}

// ---- Reading -----------------------------------------------------------------------------------

const Reader = struct {
    content: Bytes,
    at: usize = 0,

    fn refuseJson(self: *const Reader, why: Bytes) noreturn {
        var message: covey.Buf = .{};
        message.add("the arguments are not acceptable JSON: ");
        message.add(why);
        message.add(" at byte ");
        message.int(@intCast(self.at));
        covey.fail(message.bytes());
    }

    /// The byte under the cursor; 0 at the end.
    fn peek(self: *const Reader) u8 {
        return if (self.at < self.content.len) self.content[self.at] else 0;
    }

    fn space(self: *Reader) void {
        while (true) switch (self.peek()) {
            ' ', '\n', '\t', '\r' => self.at += 1,
            else => return,
        };
    }

    fn take(self: *Reader, byte: u8) bool {
        const there = self.at < self.content.len and self.content[self.at] == byte;
        self.at += @intFromBool(there);
        return there;
    }

    fn word(self: *Reader, of: Bytes) bool {
        const there = std.mem.startsWith(u8, self.content[self.at..], of);
        if (there) self.at += of.len;
        return there;
    }

    fn unit(self: *Reader) u32 {
        var point: u32 = 0;
        for (0..4) |_| {
            const digit = hexDigit(self.peek()) orelse self.refuseJson("bad \\u escape");
            point = point << 4 | digit;
            self.at += 1;
        }
        return point;
    }

    /// What follows a backslash, as UTF-8.
    fn escape(self: *Reader, to: *covey.Buf) void {
        const c = self.peek();
        if (self.at < self.content.len) self.at += 1;
        switch (c) {
            '"', '\\', '/' => return to.byte(c),
            'b' => return to.byte(8),
            'f' => return to.byte(12),
            'n' => return to.byte('\n'),
            'r' => return to.byte('\r'),
            't' => return to.byte('\t'),
            'u' => {},
            else => self.refuseJson("unknown escape"),
        }
        var point = self.unit();
        if (point >= 0xD800 and point < 0xDC00 and self.take('\\') and self.take('u')) {
            const low = self.unit();
            if (low < 0xDC00 or low > 0xDFFF) self.refuseJson("lone surrogate");
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        }
        var character: [4]u8 = undefined;
        const len = std.unicode.utf8Encode(@intCast(point), &character) catch
            self.refuseJson("lone surrogate");
        to.add(character[0..len]);
    }

    /// The rest of a string after its opening quote: a view of the input, or a copy if it has
    /// escapes.
    fn string(self: *Reader) Bytes {
        const start = self.at;
        var close = start;
        var is_escaped = false;
        while (close < self.content.len and self.content[close] != '"') : (close += 1) {
            if (self.content[close] != '\\') continue;
            is_escaped = true;
            close += 1;
        }
        if (close >= self.content.len) self.refuseJson("string without an end");
        var copy: covey.Buf = .{};
        while (self.at < close) {
            if (self.take('\\')) {
                self.escape(&copy);
                continue;
            }
            const plain = self.at;
            while (self.at < close and self.content[self.at] != '\\') {
                if (self.content[self.at] < 0x20) self.refuseJson("control character");
                const len = utf8Next(self.content[self.at..close]);
                if (len == 0) self.refuseJson("invalid UTF-8");
                self.at += len;
            }
            if (is_escaped) copy.add(self.content[plain..self.at]);
        }
        self.at = close + 1;
        return if (is_escaped) copy.bytes() else self.content[start..close];
    }

    /// A whole number, gathered below zero because that side reaches one further.
    fn number(self: *Reader) i64 {
        const negative = self.take('-');
        const start = self.at;
        var gathered: i64 = 0;
        while (self.peek() >= '0' and self.peek() <= '9') : (self.at += 1) {
            const tens = @mulWithOverflow(gathered, 10);
            const longer = @subWithOverflow(tens[0], self.peek() - '0');
            if (tens[1] | longer[1] != 0) self.refuseJson("number beyond 64 bits");
            gathered = longer[0];
        }
        if (self.at == start) self.refuseJson("unexpected character");
        if (self.content[start] == '0' and self.at - start > 1)
            self.refuseJson("number with a leading zero");
        if (self.peek() == '.' or self.peek() | 0x20 == 'e')
            self.refuseJson("number that is not whole");
        if (!negative and gathered == std.math.minInt(i64))
            self.refuseJson("number beyond 64 bits");
        return if (negative) gathered else -gathered;
    }

    /// The rest of an array or object after its opening bracket.
    fn list(self: *Reader, of: *Json, close: u8, depth: u32) void {
        var link = &of.first;
        if (depth == 0) self.refuseJson("too deep nesting");
        self.space();
        if (self.take(close)) return;
        while (true) {
            const name = if (of.kind == .object) self.memberName(of) else "";
            const element = self.value(depth - 1);
            element.name = name;
            link.* = element;
            link = &element.next;
            of.count += 1;
            if (self.take(close)) return;
            if (!self.take(',')) self.refuseJson("no comma");
        }
    }

    fn memberName(self: *Reader, object: *const Json) Bytes {
        self.space();
        if (!self.take('"')) self.refuseJson("no name");
        const name = self.string();
        if (object.count == members_max) self.refuseJson("too many names in an object");
        if (object.field(name) != null) self.refuseJson("a name twice");
        self.space();
        if (!self.take(':')) self.refuseJson("no colon");
        return name;
    }

    fn value(self: *Reader, depth: u32) *Json {
        const read = covey.create(Json);
        read.* = .{};
        self.space();
        if (self.take('"')) {
            read.kind = .text;
            read.text_value = self.string();
        } else if (self.take('{')) {
            read.kind = .object;
            self.list(read, '}', depth);
        } else if (self.take('[')) {
            read.kind = .array;
            self.list(read, ']', depth);
        } else if (self.word("true")) {
            read.kind = .boolean;
            read.bool_value = true;
        } else if (self.word("false")) {
            read.kind = .boolean;
        } else if (!self.word("null")) {
            read.kind = .int;
            read.int_value = self.number();
        }
        self.space();
        return read;
    }
};
