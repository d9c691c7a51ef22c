//! tally: shared counters, as apps/tally/main.c, in Zig.
//! Collection totals (counter): additions made apart from one another all count.

const covey = @import("covey");

const name_size_bytes_max = 128;
const amount_max = 9007199254740991; // 2^53 - 1: what every JSON reader keeps exact.
const limit_default = 100;
const limit_max = 1000;

const totals_name = "totals";

fn nameOf(args: *const covey.Json) covey.Bytes {
    return args.text("name", 1, name_size_bytes_max);
}

fn answerTotal(name: covey.Bytes) void {
    const value = covey.get(totals_name, name);
    var out: covey.Out = .{};
    const total = if (value) |bytes| covey.counter(bytes) else 0;
    out.object().name("total").int(total).endObject().done();
}

export fn add() void {
    const args = covey.args("name amount");
    const name = nameOf(args);
    const given = args.has("amount");
    covey.add(totals_name, name, if (given) args.int("amount", -amount_max, amount_max) else 1);
    answerTotal(name);
}

export fn read() void {
    answerTotal(nameOf(covey.args("name")));
}

export fn totals() void {
    const args = covey.args("after limit");
    var left: i64 = if (args.has("limit")) args.int("limit", 1, limit_max) else limit_default;
    const after = if (args.has("after")) args.text("after", 0, name_size_bytes_max) else "";
    var scan = covey.scan(totals_name, "", after);
    var more = false;
    var out: covey.Out = .{};
    _ = out.object().name("totals").array();
    while (scan.next()) |entry| : (left -= 1) {
        more = left == 0;
        if (more) break;
        _ = out.object().name("name").text(entry.key);
        _ = out.name("total").int(covey.counter(entry.value)).endObject();
    }
    out.endArray().name("more").boolean(more).endObject().done();
}
