//! NAME: a shared count. Everybody's additions count, also those made offline and at the same time.
//!
//! The functions of the host, as the interface covey/1 names them; declare the others here as you need them.

extern "covey" fn add(c: [*]const u8, c_len: u32, key: [*]const u8, key_len: u32, amount: i64) void;
extern "covey" fn get(c: [*]const u8, c_len: u32, key: [*]const u8, key_len: u32, to: [*]u8, cap: u32) i32;
extern "covey" fn input(to: ?[*]u8, cap: u32) u32;
extern "covey" fn output(json: [*]const u8, len: u32) void;
extern "covey" fn fail(message: [*]const u8, len: u32) noreturn;

const counts = "counts";
const key = "total";

/// A call: it may write. increment {} -> {}
export fn increment() void {
    requireNoArguments();
    add(counts, counts.len, key, key.len, 1);
    answer("{}");
}

/// A query: it only reads. total {} -> {"total": number}
export fn total() void {
    requireNoArguments();
    var value: [8]u8 align(8) = @splat(0);
    // A counter reads as 8 bytes, little-endian; -1 says that nobody has added to it.
    _ = get(counts, counts.len, key, key.len, &value, value.len);
    const count: i64 = @bitCast(value);

    // Digits are written from the right, into the room before the closing brace.
    const prefix = "{\"total\":";
    var text: [prefix.len + 21]u8 = undefined;
    var at: usize = text.len - 1;
    text[at] = '}';
    var rest: u64 = @abs(count);
    while (true) {
        at -= 1;
        text[at] = '0' + @as(u8, @intCast(rest % 10));
        rest /= 10;
        if (rest == 0) break;
    }
    if (count < 0) {
        at -= 1;
        text[at] = '-';
    }
    at -= prefix.len;
    @memcpy(text[at..][0..prefix.len], prefix);
    answer(text[at..]);
}

fn answer(json: []const u8) void {
    output(json.ptr, json.len);
}

/// Only an empty object is accepted: an argument that nobody reads is a mistake of the caller.
fn requireNoArguments() void {
    var text: [2]u8 = undefined;
    const len = input(&text, text.len);
    if (len != 2 or text[0] != '{' or text[1] != '}') {
        const message = "this method takes no arguments: give {}";
        fail(message, message.len);
    }
}
