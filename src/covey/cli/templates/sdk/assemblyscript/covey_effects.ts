/* What a call has done, for `validate`. Import covey.ts, not this file.
 *
 * An application may export `validate`. The host runs it after each call that returned, as a query
 * on the state that the call leaves; where it calls `fail`, the call is refused. For example, so
 * that no method leaves an empty entry behind:
 *
 *     export function validate(): void {
 *       const effects = new covey.Effects();
 *       while (effects.next())
 *         if (effects.op == covey.Op.Put && effects.value.len == 0) covey.fail("an entry is empty");
 *     }
 *
 * It is no method and not in abi.json. It has fresh memory, and what is left of the call's fuel. */
import { Bytes, fail, host } from "./covey";

export enum Op { Put, Delete, Add }

/** The effects in the order of (collection, key), one after the other. The host writes them in one
 * form, so reading it takes no more than skipping what is always there. */
export class Effects {
  op: Op = Op.Put;
  collection: Bytes = Bytes.none();
  key: Bytes = Bytes.none();
  value: Bytes = Bytes.none(); // of a put
  amount: i64 = 0; // of an add, else 0
  private at: usize;

  constructor() {
    const cap: u32 = 1024;
    let text = heap.alloc(cap);
    const len = host.input(text, cap);
    if (len > cap) {
      text = heap.alloc(len);
      host.input(text, len);
    }
    if (len == 0 || load<u8>(text) != 0x5b) fail("these are not the effects of a call");
    this.at = text;
  }

  /** Go to the next effect, if there is one. */
  next(): bool {
    if (load<u8>(this.at) == 0x5d || load<u8>(this.at + 1) == 0x5d) return false;
    this.collection = this.string('[{"collection":"');
    const op = this.string('","op":"').at(0);
    this.op = op == 0x70 ? Op.Put : op == 0x64 ? Op.Delete : Op.Add;
    this.key = base64(this.string('","key":"'));
    this.value = this.op == Op.Put ? base64(this.string('","value":"')) : Bytes.none();
    this.amount = this.op == Op.Add ? this.number() : 0;
    if (this.op != Op.Add) this.at += '"}'.length;
    return true;
  }

  /** The string that begins after `before`; the next one begins at its closing quote. */
  private string(before: string): Bytes {
    const start = this.at + before.length;
    this.at = start;
    while (load<u8>(this.at) != 0x22) this.at++;
    return new Bytes(start, <u32>(this.at - start));
  }

  private number(): i64 {
    this.at += '","amount":'.length;
    const negative = load<u8>(this.at) == 0x2d;
    if (negative) this.at++;
    let size: u64 = 0;
    for (; load<u8>(this.at) != 0x7d; this.at++) size = size * 10 + (load<u8>(this.at) - 0x30);
    this.at++;
    return <i64>(negative ? 0 - size : size);
  }
}

/** Base64 with padding, decoded in its own place. */
function base64(text: Bytes): Bytes {
  let to = text.ptr, word: u32 = 0, padding: u32 = 0;
  for (let i: u32 = 0; i < text.len; i++) {
    const c = text.at(i);
    if (c == 0x3d) padding++;
    word = (word << 6) | digit(c);
    if (i % 4 != 3) continue;
    store<u8>(to, <u8>(word >> 16));
    store<u8>(to + 1, <u8>(word >> 8));
    store<u8>(to + 2, <u8>word);
    to += 3;
  }
  return new Bytes(text.ptr, <u32>(to - text.ptr) - padding);
}

function digit(c: u8): u32 {
  if (c >= 0x61) return c - 0x61 + 26;
  if (c >= 0x41) return c - 0x41;
  if (c == 0x3d) return 0;
  if (c >= 0x30) return c - 0x30 + 52;
  return c == 0x2b ? 62 : 63;
}
