/* The result of a call as JSON. Import covey.ts, not this file.
 *
 * Values go into one buffer in the order they are written; commas set themselves; `done` hands the
 * buffer to the host. Every method returns the writer, so that values can follow each other. */
import { Buf, Bytes, fail, host } from "./covey";
import { utf8Next } from "./covey_json";

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

export class Out {
  private buf: Buf = new Buf();

  /** A comma, unless the value is the first in its object or array or follows its name. */
  private comma(): Buf {
    const last = this.buf.last();
    const first = last == 0 || last == 0x5b || last == 0x7b || last == 0x3a; // [ { :
    if (!first) this.buf.byte(0x2c);
    return this.buf;
  }

  object(): Out {
    this.comma().byte(0x7b);
    return this;
  }

  endObject(): Out {
    this.buf.byte(0x7d);
    return this;
  }

  array(): Out {
    this.comma().byte(0x5b);
    return this;
  }

  endArray(): Out {
    this.buf.byte(0x5d);
    return this;
  }

  none(): Out {
    this.comma().ascii("null");
    return this;
  }

  bool(value: bool): Out {
    this.comma().ascii(value ? "true" : "false");
    return this;
  }

  int(value: i64): Out {
    this.comma().int(value);
    return this;
  }

  /** The name of the next value in an object. */
  name(name: string): Out {
    this.text(Bytes.of(name));
    this.buf.byte(0x3a);
    return this;
  }

  text(text: Bytes): Out {
    return this.textBegin().escaped(text).textEnd();
  }

  /** A string in pieces (a document, say): begin, any number of `escaped`, end. No character may be
   * cut between two. */
  textBegin(): Out {
    this.comma().byte(0x22);
    return this;
  }

  textEnd(): Out {
    this.buf.byte(0x22);
    return this;
  }

  /** A piece of a string: escapes what JSON asks for and puts U+FFFD for bytes that are not UTF-8.
   * A key or value in the state may be anything, and must not make a result that nobody can
   * read. */
  escaped(text: Bytes): Out {
    const end = text.ptr + text.len;
    let at = text.ptr, plain = at;
    while (at < end) {
      const byte = load<u8>(at);
      const special = byte < 0x20 || byte == 0x22 || byte == 0x5c; // " and backslash
      const len = special ? 0 : utf8Next(at, end);
      if (len) {
        at += len;
        continue;
      }
      this.buf.add(new Bytes(plain, <u32>(at - plain)));
      if (byte >= 0x80) {
        this.buf.byte(0xef);
        this.buf.byte(0xbf);
        this.buf.byte(0xbd);
      } else if (byte >= 0x20) {
        this.buf.byte(0x5c);
        this.buf.byte(byte);
      } else {
        this.buf.ascii(byte < 0x10 ? "\\u000" : "\\u001").byte(hexDigit(byte & 15));
      }
      plain = ++at;
    }
    this.buf.add(new Bytes(plain, <u32>(at - plain)));
    return this;
  }

  hex(bytes: Bytes): Out {
    this.textBegin();
    for (let i: u32 = 0; i < bytes.len; i++) {
      this.buf.byte(hexDigit(bytes.at(i) >> 4));
      this.buf.byte(hexDigit(bytes.at(i) & 15));
    }
    return this.textEnd();
  }

  /** A 32-byte member or device key as people see it: did:key:z6Mk… (base58btc of 0xED01 and the
   * key). */
  did(key: Bytes): Out {
    if (key.len != 32) fail("a member key is not 32 bytes long");
    const digits = Bytes.room(48);
    let count: u32 = 0;
    for (let i: u32 = 0; i < 34; i++) {
      let carry: u32 = i == 0 ? 0xed : i == 1 ? 0x01 : key.at(i - 2);
      for (let j: u32 = 0; j < count || carry; j++) {
        carry += 256 * <u32>digits.at(j);
        digits.set(j, <u8>(carry % 58));
        carry /= 58;
        if (j == count) count++;
      }
    }
    this.textBegin();
    this.buf.ascii("did:key:z");
    while (count) this.buf.byte(<u8>BASE58.charCodeAt(digits.at(--count)));
    return this.textEnd();
  }

  /** Hand the result to the host. Without it, the result of a call is null. */
  done(): void {
    const json = this.buf.bytes();
    host.output(json.ptr, json.len);
  }
}

function hexDigit(value: u8): u8 {
  return value < 10 ? 0x30 + value : 0x57 + value;
}
