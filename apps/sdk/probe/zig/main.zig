//! probe: every function of the SDK, in Zig.

const covey = @import("covey");

const things = "things";
const counts = "counts";
const gone = "gone";

export fn everything() void {
    const args = covey.args("key value list flag message signature signer");
    const key = args.text("key", 1, 64);
    const value = args.hex("value", 4);
    const message = args.text("message", 0, 1000);
    const signature = args.hex("signature", 64);
    const signer = args.hex("signer", 32);
    const me = covey.member();
    var drawn: [8]u8 = undefined;
    covey.random(&drawn);
    covey.log("probe");
    covey.put(things, covey.join(&me, key), value);
    covey.put(things, gone, message);
    const there = covey.has(things, gone);
    covey.delete(things, gone);
    covey.add(counts, key, -3);
    covey.emit("touched", key);

    var out: covey.Out = .{};
    _ = out.object();
    _ = out.name("member").did(&me);
    _ = out.name("device").hex(&covey.device());
    _ = out.name("context").hex(&covey.context());
    _ = out.name("time").int(covey.time());
    _ = out.name("random").hex(&drawn);
    _ = out.name("there").boolean(there);
    _ = out.name("gone").boolean(!covey.has(things, gone));
    _ = out.name("count").int(covey.counter(covey.get(counts, key) orelse ""));
    _ = out.name("sha256").hex(&covey.sha256(message));
    _ = out.name("verified").boolean(covey.verify(signature[0..64], signer[0..32], message));
    _ = out.name("flag").boolean(args.boolean("flag"));
    _ = out.name("characters").int(@intCast(covey.utf8Count(message)));
    _ = out.name("elements").array();
    var element: ?*const covey.Json = args.array("list", 1, 8).first;
    while (element) |e| : (element = e.next)
        _ = if (e.kind == .int) out.int(e.int_value) else out.none();
    _ = out.endArray().name("things").array();
    var scan = covey.scan(things, &me, "");
    while (scan.next()) |entry| _ = out.hex(covey.join(entry.key, entry.value));
    out.endArray().endObject().done();
}
