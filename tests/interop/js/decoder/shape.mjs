// What a field may be: its type, length, range and order, and the code where it is not.

import { decode, leading, utf8 } from './msgpack.mjs'
import { Violation } from './violation.mjs'

export const SEQUENCE_MAX = 2n ** 63n - 1n
export const UINT64_MAX = 2n ** 64n - 1n
const KIND_MAX = 65_536n

// An array of exactly so many elements.
export function fields (value, count) {
  if (!Array.isArray(value) || value.length !== count) {
    throw new Violation('wrong-shape', `no array of ${count}`)
  }
  return value
}

// The same, of an object whose first element is its version: of another one nothing is read.
export function versioned (bytes, sizeMax, elementsMax, known, count) {
  if (bytes.length > sizeMax) throw new Violation('oversized')
  const told = leading(bytes)
  if (told !== null && told > 0n && told !== known) throw new Violation('unknown-version')
  const value = decode(bytes, sizeMax, elementsMax)
  if (value[0] !== known) throw new Violation('wrong-shape', 'no version')
  return fields(value, count)
}

// A kind that may become more: of those from 1 to `known` the caller knows what follows.
export function kind (value, known) {
  if (integer(value, 1n, KIND_MAX) > known) throw new Violation('unknown-version')
  return value
}

export function integer (value, least, greatest) {
  if (typeof value !== 'bigint' || value < least || value > greatest) {
    throw new Violation('wrong-shape', `no integer from ${least} to ${greatest}`)
  }
  return value
}

export function bytes (value, size) {
  if (!(value instanceof Uint8Array) || value.length !== size) {
    throw new Violation('wrong-shape', `no ${size} bytes`)
  }
  return value
}

export function bytesOrNil (value, size) {
  return value === null ? null : bytes(value, size)
}

export function bytesUpTo (value, sizeMax) {
  if (!(value instanceof Uint8Array)) throw new Violation('wrong-shape', 'no bytes')
  if (value.length > sizeMax) throw new Violation('oversized', `more than ${sizeMax} bytes`)
  return value
}

export function text (value, sizeMax) {
  if (typeof value !== 'string') throw new Violation('wrong-shape', 'no text')
  if (utf8(value).length > sizeMax) throw new Violation('oversized', `more than ${sizeMax} bytes`)
  return value
}

export function list (value, countMax, each) {
  if (!Array.isArray(value)) throw new Violation('wrong-shape', 'no array')
  if (value.length > countMax) throw new Violation('oversized', `more than ${countMax} elements`)
  return value.map(each)
}

// Ascending by what `key` gives: numbers, texts or bytes, or a list of them. So each at most once.
export function sorted (items, key = item => [item]) {
  for (let index = 1; index < items.length; index++) {
    if (compare(key(items[index - 1]), key(items[index])) >= 0) {
      throw new Violation('wrong-shape', 'not sorted')
    }
  }
  return items
}

export function isEqual (one, other) {
  return compareBytes(one, other) === 0
}

function compare (one, other) {
  for (let index = 0; index < one.length; index++) {
    const order = compareParts(one[index], other[index])
    if (order !== 0) return order
  }
  return 0
}

function compareParts (one, other) {
  if (typeof one === 'string') return compareBytes(utf8(one), utf8(other))
  if (one instanceof Uint8Array) return compareBytes(one, other)
  return one < other ? -1 : one > other ? 1 : 0
}

function compareBytes (one, other) {
  const shorter = Math.min(one.length, other.length)
  for (let index = 0; index < shorter; index++) {
    if (one[index] !== other[index]) return one[index] - other[index]
  }
  return one.length - other.length
}
