// Ed25519 by libsodium's rules (encoding.md). The library's own `verify` multiplies by the
// cofactor, so the equation is written out here.

import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { concat } from './msgpack.mjs'
import { isEqual } from './shape.mjs'
import { Violation } from './violation.mjs'

const { Point } = ed25519
const ORDER = Point.Fn.ORDER
const HALF = 32 // bytes of R, and of S

export function requireSignature (signature, key, message, code = 'bad-signature') {
  if (!isSigned(signature, key, message)) throw new Violation(code)
}

export function isSigned (signature, key, message) {
  if (signature.length !== 2 * HALF) return false
  const [r, s] = [signature.subarray(0, HALF), littleEndian(signature.subarray(HALF))]
  const signer = pointOf(key)
  if (signer === null || signer.isSmallOrder() || s >= ORDER) return false
  const challenge = littleEndian(sha512(concat(r, key, message))) % ORDER
  const expected = Point.BASE.multiplyUnsafe(s).subtract(signer.multiplyUnsafe(challenge))
  return !expected.isSmallOrder() && isEqual(expected.toBytes(), r)
}

// A key that a member or device may have: in the prime-order subgroup, not the identity.
export function isUsableKey (key) {
  const point = pointOf(key)
  return point !== null && !point.is0() && point.isTorsionFree()
}

export function sign (message, seed) {
  return ed25519.sign(message, seed)
}

export function publicKey (seed) {
  return ed25519.getPublicKey(seed)
}

function pointOf (key) {
  try {
    return Point.fromBytes(key, false) // false: the canonical form alone
  } catch {
    return null
  }
}

function littleEndian (bytes) {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n)
}
