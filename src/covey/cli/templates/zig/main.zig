//! NAME: a shared count. Everybody's additions count, also those made offline and at the same time.

const covey = @import("covey");

const counts = "counts";
const key = "total";

/// A call: it may write. increment {"by": 1 to 1000, 1 if it is left out} -> {}
export fn increment() void {
    const args = covey.args("by");
    covey.add(counts, key, if (args.has("by")) args.int("by", 1, 1000) else 1);
    var out: covey.Out = .{};
    out.object().endObject().done();
}

/// A query: it only reads. total {} -> {"total": number}
export fn total() void {
    _ = covey.args("");
    const value = covey.get(counts, key);
    const count = if (value) |bytes| covey.counter(bytes) else 0;
    var out: covey.Out = .{};
    out.object().name("total").int(count).endObject().done();
}
