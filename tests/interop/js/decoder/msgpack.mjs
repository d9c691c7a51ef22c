// Canonical MessagePack (encoding.md): one form for each value, arrays outside, no maps, no floats.
//
// Values here: null, booleans, BigInt for every integer, string, Uint8Array, Array.

import { Violation } from './violation.mjs'

export const ELEMENTS_MAX = 1_024 // of all arrays of an object, unless it says more

const DEPTH_MAX = 64 // objects need 8, everybody reads 32
const FLOAT_BYTES = { 0xca: 4, 0xcb: 8 }
const UNSIGNED_BYTES = { 0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8 }
const SIGNED_BYTES = { 0xd0: 1, 0xd1: 2, 0xd2: 4, 0xd3: 8 }
const BINARY_LENGTH_BYTES = { 0xc4: 1, 0xc5: 2, 0xc6: 4 }
const TEXT_LENGTH_BYTES = { 0xd9: 1, 0xda: 2, 0xdb: 4 }
const ARRAY_LENGTH_BYTES = { 0xdc: 2, 0xdd: 4 }

const readText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const writeText = new TextEncoder()

// The array that bytes hold; throws the violation of the first of encoding.md's steps that fails.
export function decode (bytes, sizeMax, elementsMax = ELEMENTS_MAX) {
  if (bytes.length > sizeMax) throw new Violation('oversized')
  const reader = new Reader(bytes, elementsMax)
  const value = reader.value(0)
  if (!reader.isAtEnd()) throw new Violation('malformed', 'something after the end')
  if (!reader.isCanonical) throw new Violation('non-canonical')
  if (!Array.isArray(value)) throw new Violation('wrong-shape', 'no array')
  if (reader.hasFloats) throw new Violation('wrong-shape', 'a float is wrong for every field')
  return value
}

// The integer that an array begins with, from the first bytes alone; null where it is none.
export function leading (bytes) {
  const reader = new Reader(bytes.subarray(0, 14), Infinity)
  try {
    return reader.first()
  } catch (error) {
    if (error instanceof Violation) return null
    throw error
  }
}

class Reader {
  constructor (bytes, elementsMax) {
    this.bytes = bytes
    this.elementsLeft = elementsMax
    this.position = 0
    this.isCanonical = true
    this.hasFloats = false
  }

  isAtEnd () {
    return this.position === this.bytes.length
  }

  value (depth) {
    if (depth > DEPTH_MAX) throw new Violation('malformed', 'too deep')
    const [first] = this.take(1)
    if (first <= 0x7f) return BigInt(first)
    if (first >= 0xe0) return BigInt(first) - 256n
    if (first >= 0x90 && first <= 0x9f) return this.array(first - 0x90, depth)
    if (first >= 0xa0 && first <= 0xbf) return this.text(first - 0xa0)
    if (first === 0xc0) return null
    if (first === 0xc2 || first === 0xc3) return first === 0xc3
    if (first in BINARY_LENGTH_BYTES) return this.take(this.length(BINARY_LENGTH_BYTES[first], 0))
    if (first in TEXT_LENGTH_BYTES) return this.text(this.length(TEXT_LENGTH_BYTES[first], 32))
    if (first in ARRAY_LENGTH_BYTES) {
      return this.array(this.length(ARRAY_LENGTH_BYTES[first], 16), depth)
    }
    if (first in UNSIGNED_BYTES) return this.unsigned(UNSIGNED_BYTES[first])
    if (first in SIGNED_BYTES) return this.signed(SIGNED_BYTES[first])
    if (first in FLOAT_BYTES) {
      this.take(FLOAT_BYTES[first])
      this.hasFloats = true
      return null
    }
    throw new Violation('malformed', 'a map, an extension or no type at all')
  }

  first () {
    const [kind] = this.take(1)
    const isShort = kind >= 0x90 && kind <= 0x9f
    if (!isShort && !(kind in ARRAY_LENGTH_BYTES)) return null
    const count = isShort ? kind - 0x90 : this.length(ARRAY_LENGTH_BYTES[kind], 16)
    const value = count > 0 ? this.scalar() : null
    return typeof value === 'bigint' ? value : null
  }

  scalar () {
    const [kind] = this.bytes.subarray(this.position)
    const isArray = (kind >= 0x90 && kind <= 0x9f) || kind in ARRAY_LENGTH_BYTES
    return isArray ? null : this.value(0)
  }

  take (size) {
    const end = this.position + size
    if (end > this.bytes.length) throw new Violation('malformed', 'ends early')
    const taken = this.bytes.subarray(this.position, end)
    this.position = end
    return taken
  }

  number (size) {
    return this.take(size).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  }

  // shortForms: lengths below it have a form of one byte.
  length (size, shortForms) {
    const length = Number(this.number(size))
    const isFirstForm = size === 1 || (shortForms === 16 && size === 2)
    if (length < (isFirstForm ? shortForms : 2 ** (4 * size))) this.isCanonical = false
    return length
  }

  unsigned (size) {
    const number = this.number(size)
    if (number < (size === 1 ? 128n : 1n << BigInt(4 * size))) this.isCanonical = false
    return number
  }

  signed (size) {
    const number = BigInt.asIntN(8 * size, this.number(size))
    if (number >= (size === 1 ? -32n : -(1n << BigInt(4 * size - 1)))) this.isCanonical = false
    return number
  }

  text (size) {
    try {
      return readText.decode(this.take(size))
    } catch (error) {
      if (error instanceof Violation) throw error
      throw new Violation('malformed', 'text that is no UTF-8')
    }
  }

  array (count, depth) {
    if (count > this.bytes.length) throw new Violation('malformed', 'ends early')
    this.elementsLeft -= count
    if (this.elementsLeft < 0) throw new Violation('oversized', 'too many elements')
    const items = []
    for (let index = 0; index < count; index++) items.push(this.value(depth + 1))
    return items
  }
}

// The one encoding of a value.
export function encode (value) {
  const parts = []
  append(parts, value)
  return concat(...parts)
}

export function concat (...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let position = 0
  for (const part of parts) {
    whole.set(part, position)
    position += part.length
  }
  return whole
}

export function utf8 (text) {
  return writeText.encode(text)
}

function append (parts, value) {
  if (value === null) parts.push([0xc0])
  else if (typeof value === 'boolean') parts.push([value ? 0xc3 : 0xc2])
  else if (typeof value === 'bigint') parts.push(integer(value))
  else if (typeof value === 'string') {
    const bytes = utf8(value)
    parts.push(length(bytes.length, 0xa0, 32, [0xd9, 0xda, 0xdb]), bytes)
  } else if (value instanceof Uint8Array) {
    parts.push(length(value.length, 0, 0, [0xc4, 0xc5, 0xc6]), value)
  } else {
    parts.push(length(value.length, 0x90, 16, [null, 0xdc, 0xdd]))
    for (const item of value) append(parts, item)
  }
}

function length (size, shortBase, shortForms, [one, two, four]) {
  if (size < shortForms) return [shortBase + size]
  if (one !== null && size < 0x100) return [one, size]
  return size < 0x10000 ? [two, ...big(BigInt(size), 2)] : [four, ...big(BigInt(size), 4)]
}

function integer (number) {
  if (number >= 0n && number < 0x80n) return [Number(number)]
  if (number < 0n && number >= -32n) return [Number(number) + 256]
  const forms = number < 0n ? SIGNED_BYTES : UNSIGNED_BYTES
  for (const [first, size] of Object.entries(forms)) {
    const bits = BigInt(8 * size)
    if (number < 0n ? number >= -(1n << (bits - 1n)) : number < (1n << bits)) {
      return [Number(first), ...big(number, size)]
    }
  }
  throw new RangeError('an integer beyond 64 bits')
}

function big (number, size) {
  const bytes = []
  for (let index = size - 1; index >= 0; index--) {
    bytes.push(Number((number >> BigInt(8 * index)) & 0xffn))
  }
  return bytes
}
