/* covey.ts: what an AssemblyScript application for covey imports.
 *
 * An application is a WebAssembly module that imports only from "covey" and exports its methods,
 * each without parameters and results. A method reads its arguments (JSON), reads and changes
 * entries of its collections, and writes one result (JSON). A whole application with one method:
 *
 *     import * as covey from "./covey";
 *
 *     export function greet(): void {
 *       const name = covey.args("name").text("name", 1, 64);
 *       covey.put("greeted", name, covey.Bytes.of("yes"));
 *       new covey.Out().object().name("hello").text(name).endObject().done();
 *     }
 *
 * Rules worth knowing:
 * - Each call begins with fresh memory: no variable survives it. What must last is an entry of a
 *   collection.
 * - What stands at the top level of a file is evaluated when the application is built: it may make
 *   values, and not call the host.
 * - Memory is handed out upwards and never freed: it goes when the call ends.
 * - `fail` refuses the call with a message and does not return; nothing that the call did takes
 *   effect. `throw`, a failed assert and running out of memory trap.
 * - A query may not write, emit or draw random bytes: the host stops it.
 * - There are no floats, files, clocks or network: no Math.random, Date or console. `number` and
 *   what is built on it (parseFloat, toString of an f64) need floating point: say i32 and i64.
 * - Texts in the state and in JSON are bytes of UTF-8, a `string` is UTF-16: Bytes.of and
 *   bytes.text() convert. */

export { Effects, Op } from "./covey_effects";
export { Json, Kind, refuse, utf8Count } from "./covey_json";
export { Out } from "./covey_out";
import { Json, Kind } from "./covey_json";

/** The host's functions, as the interface covey/1 names them. Below are easier ones. */
export namespace host {
  // @ts-ignore: decorator
  @external("covey", "input")
  export declare function input(to: usize, cap: u32): u32;
  // @ts-ignore: decorator
  @external("covey", "output")
  export declare function output(json: usize, len: u32): void;
  // @ts-ignore: decorator
  @external("covey", "fail")
  export declare function fail(message: usize, len: u32): void;
  // @ts-ignore: decorator
  @external("covey", "get")
  export declare function get(
    collection: usize, clen: u32, key: usize, klen: u32, to: usize, cap: u32
  ): i32;
  // @ts-ignore: decorator
  @external("covey", "put")
  export declare function put(
    collection: usize, clen: u32, key: usize, klen: u32, value: usize, vlen: u32
  ): void;
  // @ts-ignore: decorator
  @external("covey", "delete")
  export declare function remove(collection: usize, clen: u32, key: usize, klen: u32): void;
  // @ts-ignore: decorator
  @external("covey", "add")
  export declare function add(
    collection: usize, clen: u32, key: usize, klen: u32, amount: i64
  ): void;
  // @ts-ignore: decorator
  @external("covey", "scan")
  export declare function scan(
    collection: usize, clen: u32, prefix: usize, plen: u32, after: usize, alen: u32
  ): i32;
  // @ts-ignore: decorator
  @external("covey", "next")
  export declare function next(handle: i32, to: usize, cap: u32): u32;
  // @ts-ignore: decorator
  @external("covey", "member")
  export declare function member(to32Bytes: usize): void;
  // @ts-ignore: decorator
  @external("covey", "device")
  export declare function device(to32Bytes: usize): void;
  // @ts-ignore: decorator
  @external("covey", "context")
  export declare function context(to36Bytes: usize): void;
  // @ts-ignore: decorator
  @external("covey", "time")
  export declare function time(): i64;
  // @ts-ignore: decorator
  @external("covey", "random")
  export declare function random(to: usize, len: u32): void;
  // @ts-ignore: decorator
  @external("covey", "emit")
  export declare function emit(name: usize, nlen: u32, content: usize, len: u32): void;
  // @ts-ignore: decorator
  @external("covey", "log")
  export declare function log(text: usize, len: u32): void;
  // @ts-ignore: decorator
  @external("covey", "verify")
  export declare function verify(
    sig64Bytes: usize, key32Bytes: usize, message: usize, len: u32
  ): i32;
  // @ts-ignore: decorator
  @external("covey", "sha256")
  export declare function sha256(content: usize, len: u32, to32Bytes: usize): void;
}

/* ---- Bytes: a view of memory that lasts as long as the call. --------------------------------- */

export class Bytes {
  constructor(
    readonly ptr: usize,
    readonly len: u32
  ) {}

  /** Room for `len` bytes, all zero. */
  static room(len: u32): Bytes {
    const to = heap.alloc(len);
    memory.fill(to, 0, len);
    return new Bytes(to, len);
  }

  /** A text as UTF-8. */
  static of(text: string): Bytes {
    const len = <u32>String.UTF8.byteLength(text);
    const to = heap.alloc(len);
    String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, to);
    return new Bytes(to, len);
  }

  static none(): Bytes {
    return new Bytes(0, 0);
  }

  /** The text that these bytes of UTF-8 are. */
  text(): string {
    return String.UTF8.decodeUnsafe(this.ptr, this.len);
  }

  at(index: u32): u8 {
    assert(index < this.len);
    return load<u8>(this.ptr + index);
  }

  set(index: u32, byte: u8): void {
    assert(index < this.len);
    store<u8>(this.ptr + index, byte);
  }

  /** The part from `from` up to, without, `to`. */
  slice(from: u32, to: u32): Bytes {
    assert(from <= to && to <= this.len);
    return new Bytes(this.ptr + from, to - from);
  }

  /** Both, one after the other: for keys such as member and field. */
  join(other: Bytes): Bytes {
    const to = heap.alloc(this.len + other.len);
    memory.copy(to, this.ptr, this.len);
    memory.copy(to + this.len, other.ptr, other.len);
    return new Bytes(to, this.len + other.len);
  }

  /** Equal contents. */
  same(other: Bytes): bool {
    return this.len == other.len && memory.compare(this.ptr, other.ptr, this.len) == 0;
  }
}

/** A growing buffer. */
export class Buf {
  private ptr: usize = 0;
  private cap: u32 = 0;
  len: u32 = 0;

  /** Where `len` more bytes go, counted as used; the caller fills them. */
  room(len: u32): usize {
    const need = <u64>this.len + len;
    if (need > this.cap) {
      const cap = need < 128 ? 256 : need * 2;
      if (cap > <u64>i32.MAX_VALUE) fail("the application is out of memory");
      const bigger = heap.alloc(<usize>cap);
      memory.copy(bigger, this.ptr, this.len);
      this.ptr = bigger;
      this.cap = <u32>cap;
    }
    const room = this.ptr + this.len;
    this.len = <u32>need;
    return room;
  }

  add(more: Bytes): Buf {
    memory.copy(this.room(more.len), more.ptr, more.len);
    return this;
  }

  byte(byte: u8): void {
    store<u8>(this.room(1), byte);
  }

  /** A text of ASCII. */
  ascii(text: string): Buf {
    const to = this.room(text.length);
    for (let i = 0; i < text.length; i++) store<u8>(to + i, <u8>text.charCodeAt(i));
    return this;
  }

  int(value: i64): Buf {
    let rest = value < 0 ? 0 - <u64>value : <u64>value;
    let len: u32 = value < 0 ? 2 : 1;
    for (let tens = rest / 10; tens; tens /= 10) len++;
    let to = this.room(len);
    if (value < 0) store<u8>(to, 0x2d); // -
    to += len;
    do {
      store<u8>(--to, <u8>(0x30 + (rest % 10)));
      rest /= 10;
    } while (rest);
    return this;
  }

  last(): u8 {
    return this.len ? load<u8>(this.ptr + this.len - 1) : 0;
  }

  bytes(): Bytes {
    return new Bytes(this.ptr, this.len);
  }
}

/* ---- How a call ends ------------------------------------------------------------------------- */

/** Refuse the call with a message for the caller. Does not return. */
export function fail(message: string): void {
  failBytes(Bytes.of(message));
}

export function failBytes(message: Bytes): void {
  host.fail(message.ptr, message.len);
  unreachable();
}

/** The arguments of the call: an object with no other names than `allowed` (a space between two).
 * No input counts as {}. */
export function args(allowed: string): Json {
  let cap: u32 = 1024;
  let text = heap.alloc(cap);
  const len = host.input(text, cap);
  if (len > cap) {
    text = heap.alloc(len);
    host.input(text, len);
  }
  const args = Json.read(len ? new Bytes(text, len) : Bytes.of("{}"));
  if (args.kind != Kind.Object) fail("the arguments must be a JSON object");
  args.only(allowed);
  return args;
}

/* ---- Entries --------------------------------------------------------------------------------- */

/** The value of an entry, or null if there is none. Sees what this call has written. */
export function get(collection: string, key: Bytes): Bytes | null {
  const c = Bytes.of(collection);
  let cap: u32 = 512;
  let to = heap.alloc(cap);
  let len = host.get(c.ptr, c.len, key.ptr, key.len, to, cap);
  while (len >= 0 && <u32>len > cap) {
    heap.free(to);
    cap = len;
    to = heap.alloc(cap);
    len = host.get(c.ptr, c.len, key.ptr, key.len, to, cap);
  }
  return len < 0 ? null : new Bytes(heap.realloc(to, len), len);
}

/** Whether there is such an entry, without copying its value. */
export function has(collection: string, key: Bytes): bool {
  const c = Bytes.of(collection);
  return host.get(c.ptr, c.len, key.ptr, key.len, 0, 0) >= 0;
}

export function put(collection: string, key: Bytes, value: Bytes): void {
  const c = Bytes.of(collection);
  host.put(c.ptr, c.len, key.ptr, key.len, value.ptr, value.len);
}

/** Delete an entry (`delete` is a word of the language). */
export function remove(collection: string, key: Bytes): void {
  const c = Bytes.of(collection);
  host.remove(c.ptr, c.len, key.ptr, key.len);
}

/** Add to an entry of a counter collection. */
export function add(collection: string, key: Bytes, amount: i64): void {
  const c = Bytes.of(collection);
  host.add(c.ptr, c.len, key.ptr, key.len, amount);
}

/** The value of a counter entry as `get` and `Scan` give it: 8 bytes, little-endian. */
export function counter(value: Bytes): i64 {
  if (value.len != 8) fail("a counter's value is not 8 bytes long");
  return load<i64>(value.ptr);
}

const SCAN_PAGE_SIZE_BYTES: u32 = 16384;

/** Entries whose keys begin with `prefix`, in the order of keys, after the key `after`
 * (Bytes.none(): from the first). Writing does not move a scan under way. */
export class Scan {
  key: Bytes = Bytes.none();
  value: Bytes = Bytes.none();
  private handle: i32;
  private at: usize = 0;
  private end: usize = 0;

  constructor(collection: string, prefix: Bytes, after: Bytes) {
    const c = Bytes.of(collection);
    this.handle = host.scan(c.ptr, c.len, prefix.ptr, prefix.len, after.ptr, after.len);
  }

  /** Go to the next entry: `key` and `value` are its. False at the end. */
  next(): bool {
    let cap = SCAN_PAGE_SIZE_BYTES;
    while (this.at == this.end) {
      const page = heap.alloc(cap);
      const len = host.next(this.handle, page, cap);
      if (len == 0) return false;
      if (len > cap) {
        heap.free(page);
        cap = len;
        continue;
      }
      this.at = heap.realloc(page, len);
      this.end = this.at + len;
    }
    this.key = this.sized();
    this.value = this.sized();
    return true;
  }

  private sized(): Bytes {
    const taken = new Bytes(this.at + 4, load<u32>(this.at));
    this.at = taken.ptr + taken.len;
    return taken;
  }
}

/* ---- Who, when, events, hashes --------------------------------------------------------------- */

/** The 32-byte key of the member who called; in a query, of this node's member. */
export function member(): Bytes {
  const key = Bytes.room(32);
  host.member(key.ptr);
  return key;
}

/** The 32-byte key of the device that called. */
export function device(): Bytes {
  const key = Bytes.room(32);
  host.device(key.ptr);
  return key;
}

/** The 36-byte id of the context. */
export function context(): Bytes {
  const id = Bytes.room(36);
  host.context(id.ptr);
  return id;
}

/** Unix milliseconds, as the author's clock claims. */
export function time(): i64 {
  return host.time();
}

/** The next bytes of the call's stream: equal on every node, and no secret. */
export function random(len: u32): Bytes {
  const bytes = Bytes.room(len);
  host.random(bytes.ptr, len);
  return bytes;
}

/** Tell subscribers of the context that something happened. */
export function emit(name: string, content: Bytes): void {
  const n = Bytes.of(name);
  host.emit(n.ptr, n.len, content.ptr, content.len);
}

/** A line for the developer; never part of the state. */
export function log(text: string): void {
  const t = Bytes.of(text);
  host.log(t.ptr, t.len);
}

/** Whether 64 bytes are the Ed25519 signature of `message` under a key of 32 bytes. */
export function verify(signature: Bytes, key: Bytes, message: Bytes): bool {
  if (signature.len != 64 || key.len != 32) return false;
  return host.verify(signature.ptr, key.ptr, message.ptr, message.len) == 1;
}

export function sha256(content: Bytes): Bytes {
  const hash = Bytes.room(32);
  host.sha256(content.ptr, content.len, hash.ptr);
  return hash;
}
