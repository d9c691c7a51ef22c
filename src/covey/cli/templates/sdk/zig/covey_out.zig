//! The result of a call as JSON. Import covey, not this file.
//!
//! Values go into one buffer in the order they are written; commas set themselves; `done` hands
//! the buffer to the host. Every function returns the writer, so that values can follow each other.

const covey = @import("covey.zig");
const json = @import("covey_json.zig");

const Bytes = covey.Bytes;
const hex_digits = "0123456789abcdef";
const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

pub const Out = struct {
    buf: covey.Buf = .{},

    /// A comma, unless the value is the first in its object or array or follows its name.
    fn comma(self: *Out) void {
        if (self.buf.len == 0) return;
        switch (self.buf.room[self.buf.len - 1]) {
            '[', '{', ':' => {},
            else => self.buf.byte(','),
        }
    }

    fn value(self: *Out, literal: Bytes) *Out {
        self.comma();
        return self.raw(literal);
    }

    fn raw(self: *Out, piece: Bytes) *Out {
        self.buf.add(piece);
        return self;
    }

    pub fn object(self: *Out) *Out {
        return self.value("{");
    }

    pub fn endObject(self: *Out) *Out {
        return self.raw("}");
    }

    pub fn array(self: *Out) *Out {
        return self.value("[");
    }

    pub fn endArray(self: *Out) *Out {
        return self.raw("]");
    }

    pub fn none(self: *Out) *Out {
        return self.value("null");
    }

    pub fn boolean(self: *Out, of: bool) *Out {
        return self.value(if (of) "true" else "false");
    }

    pub fn int(self: *Out, of: i64) *Out {
        self.comma();
        self.buf.int(of);
        return self;
    }

    /// The name of the next value in an object.
    pub fn name(self: *Out, of: Bytes) *Out {
        return self.text(of).raw(":");
    }

    pub fn text(self: *Out, of: Bytes) *Out {
        return self.textBegin().escaped(of).textEnd();
    }

    /// A string in pieces (a document, say): begin, any number of `escaped`, end. No character may
    /// be cut between two.
    pub fn textBegin(self: *Out) *Out {
        return self.value("\"");
    }

    pub fn textEnd(self: *Out) *Out {
        return self.raw("\"");
    }

    /// A piece of a string: escapes what JSON asks for and puts U+FFFD for bytes that are not
    /// UTF-8. A key or value in the state may be anything, and must not make a result that nobody
    /// can read.
    pub fn escaped(self: *Out, of: Bytes) *Out {
        var plain: usize = 0;
        var at: usize = 0;
        while (at < of.len) {
            const byte = of[at];
            const special = byte < 0x20 or byte == '"' or byte == '\\';
            const len = if (special) 0 else json.utf8Next(of[at..]);
            if (len > 0) {
                at += len;
                continue;
            }
            self.buf.add(of[plain..at]);
            if (byte == '"' or byte == '\\') {
                self.buf.add(&.{ '\\', byte });
            } else if (byte < 0x20) {
                self.buf.add(if (byte < 0x10) "\\u000" else "\\u001");
                self.buf.byte(hex_digits[byte & 15]);
            } else {
                self.buf.add("\u{FFFD}");
            }
            at += 1;
            plain = at;
        }
        return self.raw(of[plain..]);
    }

    pub fn hex(self: *Out, bytes: Bytes) *Out {
        _ = self.textBegin();
        for (bytes) |byte| self.buf.add(&.{ hex_digits[byte >> 4], hex_digits[byte & 15] });
        return self.textEnd();
    }

    /// A member or device key as people see it: did:key:z6Mk… (base58btc of 0xED01 and the key).
    pub fn did(self: *Out, key: Bytes) *Out {
        var digits: [48]u8 = @splat(0);
        var count: usize = 0;
        if (key.len != 32) covey.fail("a member key is not 32 bytes long");
        for (0..34) |i| {
            var carry: u32 = if (i == 0) 0xED else if (i == 1) 0x01 else key[i - 2];
            var j: usize = 0;
            while (j < count or carry > 0) : (j += 1) {
                carry += 256 * @as(u32, digits[j]);
                digits[j] = @intCast(carry % 58);
                carry /= 58;
            }
            count = @max(count, j);
        }
        _ = self.textBegin().raw("did:key:z");
        while (count > 0) {
            count -= 1;
            self.buf.byte(base58[digits[count]]);
        }
        return self.textEnd();
    }

    /// Hand the result to the host. Without it, the result of a call is null.
    pub fn done(self: *Out) void {
        covey.host.output(self.buf.room.ptr, self.buf.len);
    }
};
