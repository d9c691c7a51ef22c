/* probe: every function of the SDK, in AssemblyScript. */
import * as covey from "./covey";

const THINGS = "things";
const COUNTS = "counts";
const GONE = covey.Bytes.of("gone");

export function everything(): void {
  const args = covey.args("key value list flag message signature signer");
  const key = args.text("key", 1, 64);
  const value = args.hex("value", 4);
  const message = args.text("message", 0, 1000);
  const signature = args.hex("signature", 64);
  const signer = args.hex("signer", 32);
  const me = covey.member();
  const drawn = covey.random(8);
  covey.log("probe");
  covey.put(THINGS, me.join(key), value);
  covey.put(THINGS, GONE, message);
  const there = covey.has(THINGS, GONE);
  covey.remove(THINGS, GONE);
  covey.add(COUNTS, key, -3);
  covey.emit("touched", key);

  const out = new covey.Out().object();
  out.name("member").did(me);
  out.name("device").hex(covey.device());
  out.name("context").hex(covey.context());
  out.name("time").int(covey.time());
  out.name("random").hex(drawn);
  out.name("there").bool(there);
  out.name("gone").bool(!covey.has(THINGS, GONE));
  out.name("count").int(covey.counter(covey.get(COUNTS, key)!));
  out.name("sha256").hex(covey.sha256(message));
  out.name("verified").bool(covey.verify(signature, signer, message));
  out.name("flag").bool(args.bool("flag"));
  out.name("characters").int(covey.utf8Count(message));
  out.name("elements").array();
  let element = args.array("list", 1, 8).first;
  while (element) {
    if (element.kind == covey.Kind.Int) out.int(element.integer);
    else out.none();
    element = element.next;
  }
  out.endArray().name("things").array();
  const scan = new covey.Scan(THINGS, me, covey.Bytes.none());
  while (scan.next()) out.hex(scan.key.join(scan.value));
  out.endArray().endObject().done();
}
