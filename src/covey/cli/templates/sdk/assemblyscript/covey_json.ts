/* The arguments of a call. Import covey.ts, not this file.
 *
 * Reading is strict: JSON by RFC 8259 in valid UTF-8, whole numbers of 64 bits only, no name twice
 * in one object, nothing after the value. Whatever deviates refuses the call with a message;
 * nothing here traps. */
import { Buf, Bytes, fail, failBytes } from "./covey";

const DEPTH_MAX: i32 = 32;
const MEMBERS_MAX: u32 = 256; // Of one object: looking for double names is quadratic.

export enum Kind { Null, Bool, Int, Text, Array, Object }

/** One value. Elements of an array and members of an object are a list:
 * let e = json.first; while (e) { …; e = e.next; } */
export class Json {
  name: Bytes = Bytes.none(); // as a member of an object
  kind: Kind = Kind.Null;
  boolean: bool = false;
  count: u32 = 0; // how many are in the list
  integer: i64 = 0;
  string: Bytes = Bytes.none(); // UTF-8, may hold NUL
  first: Json | null = null;
  next: Json | null = null;

  /** Read one JSON value that fills `text`. */
  static read(text: Bytes): Json {
    const reader = new Reader(text.ptr, text.ptr + text.len);
    const value = reader.value(DEPTH_MAX);
    if (reader.at != reader.end) reader.refuse("something after the value");
    return value;
  }

  /** A member of an object by its name. */
  field(name: Bytes): Json | null {
    let member = this.first;
    while (member && !member.name.same(name)) member = member.next;
    return member;
  }

  /** Refuse an object with a name that is not in `allowed`: names with a space between them. */
  only(allowed: string): void {
    const words = Bytes.of(allowed);
    let member = this.first;
    while (member) {
      let known = false;
      for (let from: u32 = 0; from < words.len && !known;) {
        let to = from;
        while (to < words.len && words.at(to) != 0x20) to++;
        known = member.name.same(words.slice(from, to));
        from = to + 1;
      }
      if (!known) refuse(member.name, Bytes.of("is unknown"));
      member = member.next;
    }
  }

  /** Whether an argument is there and not null: for what is optional. */
  has(name: string): bool {
    const value = this.field(Bytes.of(name));
    return value != null && value.kind != Kind.Null;
  }

  /** An argument of any kind; one that is missing refuses the call. */
  arg(name: string): Json {
    const value = this.field(Bytes.of(name));
    if (!value) refuse(Bytes.of(name), Bytes.of("is missing"));
    return value!;
  }

  /** A string of `from` to `to` bytes. */
  text(name: string, from: u32, to: u32): Bytes {
    const value = this.arg(name);
    if (value.kind != Kind.Text || value.string.len < from || value.string.len > to)
      refuseRange(name, "a string of ", from, to, " bytes");
    return value.string;
  }

  int(name: string, from: i64, to: i64): i64 {
    const value = this.arg(name);
    if (value.kind != Kind.Int || value.integer < from || value.integer > to)
      refuseRange(name, "a whole number from ", from, to, "");
    return value.integer;
  }

  bool(name: string): bool {
    const value = this.arg(name);
    if (value.kind != Kind.Bool) refuse(Bytes.of(name), Bytes.of("must be true or false"));
    return value.boolean;
  }

  /** An array of `from` to `to` elements. */
  array(name: string, from: u32, to: u32): Json {
    const value = this.arg(name);
    if (value.kind != Kind.Array || value.count < from || value.count > to)
      refuseRange(name, "an array of ", from, to, " elements");
    return value;
  }

  /** Exactly `len` bytes, written as hexadecimal digits. */
  hex(name: string, len: u32): Bytes {
    const value = this.arg(name);
    const bytes = Bytes.room(len);
    let right = value.kind == Kind.Text && value.string.len == 2 * len;
    for (let i: u32 = 0; right && i < len; i++) {
      const high = hexValue(value.string.at(2 * i)), low = hexValue(value.string.at(2 * i + 1));
      right = high >= 0 && low >= 0;
      bytes.set(i, <u8>((high << 4) | low));
    }
    if (!right) refuseRange(name, "", 2 * len, 2 * len, " hexadecimal digits");
    return bytes;
  }
}

/** Refuse the call because of one argument: "argument 'NAME' WHAT". */
export function refuse(name: Bytes, what: Bytes): void {
  failBytes(new Buf().ascii("argument '").add(name).ascii("' ").add(what).bytes());
}

/** The same with bounds: "argument 'NAME' must be WHAT FROM to TO UNIT". */
function refuseRange(name: string, what: string, from: i64, to: i64, unit: string): void {
  const text = new Buf().ascii("must be ").ascii(what).int(from);
  if (from != to) text.ascii(" to ").int(to);
  refuse(Bytes.of(name), text.ascii(unit).bytes());
}

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

/** Bytes of the character at `at` (1 to 4), or 0 if it is not valid UTF-8 (too long a form,
 * surrogate, cut off). */
export function utf8Next(at: usize, end: usize): u32 {
  if (at >= end) return 0;
  const a = load<u8>(at);
  if (a < 0x80) return 1;
  if (a < 0xc2 || a > 0xf4) return 0;
  const len: u32 = a < 0xe0 ? 2 : a < 0xf0 ? 3 : 4;
  if (<u32>(end - at) < len) return 0;
  const low: u8 = a == 0xe0 ? 0xa0 : a == 0xf0 ? 0x90 : 0x80;
  const high: u8 = a == 0xed ? 0x9f : a == 0xf4 ? 0x8f : 0xbf;
  if (load<u8>(at + 1) < low || load<u8>(at + 1) > high) return 0;
  for (let i: u32 = 2; i < len; i++) if ((load<u8>(at + i) & 0xc0) != 0x80) return 0;
  return len;
}

/** The number of characters (code points); bytes that are not UTF-8 count one each. */
export function utf8Count(text: Bytes): u32 {
  const end = text.ptr + text.len;
  let count: u32 = 0;
  for (let at = text.ptr; at < end; count++) at += max(1, utf8Next(at, end));
  return count;
}

function hexValue(c: u8): i32 {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  c |= 0x20;
  return c >= 0x61 && c <= 0x66 ? c - 0x61 + 10 : -1;
}

/* ---- Reading --------------------------------------------------------------------------------- */

class Reader {
  at: usize;

  constructor(
    readonly begin: usize,
    readonly end: usize
  ) {
    this.at = begin;
  }

  refuse(why: string): void {
    const message = new Buf().ascii("the arguments are not acceptable JSON: ").ascii(why);
    failBytes(message.ascii(" at byte ").int(this.at - this.begin).bytes());
  }

  /** The byte under the cursor; 0 at the end. */
  private peek(): u8 {
    return this.at < this.end ? load<u8>(this.at) : 0;
  }

  private space(): void {
    for (;;) {
      const c = this.peek();
      if (c != 0x20 && c != 0x0a && c != 0x09 && c != 0x0d) return;
      this.at++;
    }
  }

  private take(byte: u8): bool {
    if (this.at == this.end || load<u8>(this.at) != byte) return false;
    this.at++;
    return true;
  }

  private word(word: string): bool {
    const len = <u32>word.length;
    if (<u32>(this.end - this.at) < len) return false;
    for (let i: u32 = 0; i < len; i++)
      if (load<u8>(this.at + i) != <u8>word.charCodeAt(i)) return false;
    this.at += len;
    return true;
  }

  private unit(): u32 {
    let unit: u32 = 0;
    for (let i = 0; i < 4; i++, this.at++) {
      const digit = hexValue(this.peek());
      if (digit < 0) this.refuse("bad \\u escape");
      unit = (unit << 4) | digit;
    }
    return unit;
  }

  /** What follows a backslash, written as UTF-8. Returns the bytes written: at most 4. */
  private escape(to: usize): u32 {
    const c = this.peek();
    if (this.at < this.end) this.at++;
    let plain: u8 = 0;
    if (c == 0x22 || c == 0x5c || c == 0x2f) plain = c;
    else if (c == 0x62) plain = 0x08;
    else if (c == 0x66) plain = 0x0c;
    else if (c == 0x6e) plain = 0x0a;
    else if (c == 0x72) plain = 0x0d;
    else if (c == 0x74) plain = 0x09;
    else if (c != 0x75) this.refuse("unknown escape");
    let point: u32 = plain ? plain : this.unit();
    if (point >= 0xd800 && point < 0xdc00 && this.take(0x5c) && this.take(0x75)) {
      const low = this.unit();
      if (low < 0xdc00 || low > 0xdfff) this.refuse("lone surrogate");
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    if (point >= 0xd800 && point < 0xe000) this.refuse("lone surrogate");
    const more: u32 = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    const mark: u32 = more == 0 ? 0 : more == 1 ? 0xc0 : more == 2 ? 0xe0 : 0xf0;
    store<u8>(to, <u8>(mark | (point >> (6 * more))));
    for (let i: u32 = 1; i <= more; i++)
      store<u8>(to + i, <u8>(0x80 | ((point >> (6 * (more - i))) & 0x3f)));
    return more + 1;
  }

  /** The rest of a string after its opening quote: a view of the input, or a copy if it has
   * escapes. */
  private string(): Bytes {
    const start = this.at;
    let close = start, escaped = false;
    for (; close < this.end && load<u8>(close) != 0x22; close++) {
      if (load<u8>(close) == 0x5c) {
        escaped = true;
        close++;
      }
    }
    if (close >= this.end) this.refuse("string without an end");
    const copy = escaped ? heap.alloc(close - start) : 0;
    let to = copy;
    while (this.at < close) {
      if (this.take(0x5c)) {
        to += this.escape(to);
        continue;
      }
      const plain = this.at;
      while (this.at < close && load<u8>(this.at) != 0x5c) {
        if (load<u8>(this.at) < 0x20) this.refuse("control character");
        const len = utf8Next(this.at, close);
        if (len == 0) this.refuse("invalid UTF-8");
        this.at += len;
      }
      if (escaped) memory.copy(to, plain, this.at - plain);
      to += this.at - plain;
    }
    this.at = close + 1;
    return escaped ? new Bytes(copy, <u32>(to - copy)) : new Bytes(start, <u32>(close - start));
  }

  /** A whole number, gathered below zero because that side reaches one further. */
  private number(): i64 {
    const negative = this.take(0x2d), start = this.at;
    let value: i64 = 0;
    for (; this.peek() >= 0x30 && this.peek() <= 0x39; this.at++) {
      const digit = <i64>this.peek() - 0x30, edge = i64.MIN_VALUE / 10;
      if (value < edge || (value == edge && digit > 8)) this.refuse("number beyond 64 bits");
      value = value * 10 - digit;
    }
    if (this.at == start) this.refuse("unexpected character");
    if (load<u8>(start) == 0x30 && this.at - start > 1) this.refuse("number with a leading zero");
    const next = this.peek();
    if (next == 0x2e || (next | 0x20) == 0x65) this.refuse("number that is not whole");
    if (!negative && value == i64.MIN_VALUE) this.refuse("number beyond 64 bits");
    return negative ? value : -value;
  }

  /** The rest of an array or object after its opening bracket. */
  private list(list: Json, close: u8, depth: i32): void {
    let last: Json | null = null;
    if (depth == 0) this.refuse("too deep nesting");
    this.space();
    if (this.take(close)) return;
    for (;;) {
      const name = list.kind == Kind.Object ? this.memberName(list) : Bytes.none();
      const value = this.value(depth - 1);
      value.name = name;
      if (last) last.next = value;
      else list.first = value;
      last = value;
      list.count++;
      if (this.take(close)) return;
      if (!this.take(0x2c)) this.refuse("no comma");
    }
  }

  private memberName(object: Json): Bytes {
    this.space();
    if (!this.take(0x22)) this.refuse("no name");
    const name = this.string();
    if (object.count == MEMBERS_MAX) this.refuse("too many names in an object");
    if (object.field(name)) this.refuse("a name twice");
    this.space();
    if (!this.take(0x3a)) this.refuse("no colon");
    return name;
  }

  value(depth: i32): Json {
    const value = new Json();
    this.space();
    if (this.take(0x22)) {
      value.kind = Kind.Text;
      value.string = this.string();
    } else if (this.take(0x7b)) {
      value.kind = Kind.Object;
      this.list(value, 0x7d, depth);
    } else if (this.take(0x5b)) {
      value.kind = Kind.Array;
      this.list(value, 0x5d, depth);
    } else if (this.word("true")) {
      value.kind = Kind.Bool;
      value.boolean = true;
    } else if (this.word("false")) {
      value.kind = Kind.Bool;
    } else if (!this.word("null")) {
      value.kind = Kind.Int;
      value.integer = this.number();
    }
    this.space();
    return value;
  }
}
