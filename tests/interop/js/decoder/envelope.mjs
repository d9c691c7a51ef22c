// What is on a topic: envelopes that only those who know the context id can open (gossip.md).

import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { readAnnouncement } from './announcement.mjs'
import { readDelta } from './delta.mjs'
import { concat, decode } from './msgpack.mjs'
import { bytesUpTo, fields, kind } from './shape.mjs'
import { Violation } from './violation.mjs'

const VERSION = Uint8Array.of(0x01)
const NONCE_BYTES = 24
const TAG_BYTES = 16
const ENVELOPE_BYTES_MAX = 524_288
const DELTA = 1n
const ANNOUNCEMENT = 2n

// {kind: 'delta' | 'announcement', …}: verified, or a violation.
export function readEnvelope (envelope, contextId, key) {
  const frame = fields(decode(open(envelope, key), ENVELOPE_BYTES_MAX), 2)
  const content = bytesUpTo(frame[1], ENVELOPE_BYTES_MAX)
  return kind(frame[0], ANNOUNCEMENT) === DELTA
    ? { kind: 'delta', ...readDelta(content, contextId) }
    : { kind: 'announcement', ...readAnnouncement(content, contextId) }
}

// key: `topicKey` of the context.
export function open (envelope, key) {
  if (envelope.length > ENVELOPE_BYTES_MAX) throw new Violation('oversized')
  if (envelope.length === 0) throw new Violation('truncated')
  if (envelope[0] !== VERSION[0]) throw new Violation('unknown-version')
  const start = VERSION.length + NONCE_BYTES
  if (envelope.length < start + TAG_BYTES) throw new Violation('truncated')
  const cipher = xchacha20poly1305(key, envelope.subarray(VERSION.length, start), VERSION)
  try {
    return cipher.decrypt(envelope.subarray(start))
  } catch {
    throw new Violation('bad-envelope')
  }
}

export function seal (frame, key, nonce) {
  return concat(VERSION, nonce, xchacha20poly1305(key, nonce, VERSION).encrypt(frame))
}
