/* NAME: a shared count. Everybody's additions count, also those made offline and at once. */
import * as covey from "./covey";

const COUNTS = "counts";
const TOTAL = covey.Bytes.of("total");

/** A call: it may write. increment {"by": 1 to 1000, 1 if it is left out} -> {} */
export function increment(): void {
  const args = covey.args("by");
  covey.add(COUNTS, TOTAL, args.has("by") ? args.int("by", 1, 1000) : 1);
  new covey.Out().object().endObject().done();
}

/** A query: it only reads. total {} -> {"total": number} */
export function total(): void {
  covey.args("");
  const value = covey.get(COUNTS, TOTAL);
  const count = value ? covey.counter(value) : 0;
  new covey.Out().object().name("total").int(count).endObject().done();
}
