/* tally: shared counters, as apps/tally/main.c, in AssemblyScript.
 * Collection totals (counter): additions made apart from one another all count. */
import * as covey from "./covey";

const NAME_SIZE_BYTES_MAX: u32 = 128;
const AMOUNT_MAX: i64 = 9007199254740991; // 2^53 - 1: what every JSON reader keeps exact.
const LIMIT_DEFAULT: i64 = 100;
const LIMIT_MAX: i64 = 1000;

const TOTALS = "totals";

function nameOf(args: covey.Json): covey.Bytes {
  return args.text("name", 1, NAME_SIZE_BYTES_MAX);
}

function answerTotal(name: covey.Bytes): void {
  const value = covey.get(TOTALS, name);
  const total = value ? covey.counter(value) : 0;
  new covey.Out().object().name("total").int(total).endObject().done();
}

export function add(): void {
  const args = covey.args("name amount");
  const name = nameOf(args);
  const given = args.has("amount");
  const amount: i64 = given ? args.int("amount", -AMOUNT_MAX, AMOUNT_MAX) : 1;
  covey.add(TOTALS, name, amount);
  answerTotal(name);
}

export function read(): void {
  answerTotal(nameOf(covey.args("name")));
}

export function totals(): void {
  const args = covey.args("after limit");
  let left = args.has("limit") ? args.int("limit", 1, LIMIT_MAX) : LIMIT_DEFAULT;
  const given = args.has("after");
  const after = given ? args.text("after", 0, NAME_SIZE_BYTES_MAX) : covey.Bytes.none();
  const scan = new covey.Scan(TOTALS, covey.Bytes.none(), after);
  const out = new covey.Out().object().name("totals").array();
  let more = false;
  while (scan.next()) {
    more = left-- == 0;
    if (more) break;
    out.object().name("name").text(scan.key);
    out.name("total").int(covey.counter(scan.value)).endObject();
  }
  out.endArray().name("more").bool(more).endObject().done();
}
