// What is on a topic: envelopes that only those who know the context id can open (gossip.md).

import { inflateSync } from 'node:zlib'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { readAnnouncement } from './announcement.mjs'
import { readDelta } from './delta.mjs'
import { concat, decode, leading } from './msgpack.mjs'
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
  const frame = readFrame(open(envelope, key))
  return frame.kind === DELTA
    ? { kind: 'delta', ...readDelta(frame.content, contextId) }
    : { kind: 'announcement', ...readAnnouncement(frame.content, contextId) }
}

// {kind, content}: 1 and the frame of a delta, or 2 and that of an announcement.
export function readFrame (packed) {
  const told = leading(packed)
  if (told !== null && told > 0n) kind(told, ANNOUNCEMENT) // of another one nothing is read
  const frame = fields(decode(packed, ENVELOPE_BYTES_MAX), 2)
  const content = bytesUpTo(frame[1], ENVELOPE_BYTES_MAX)
  const number = kind(frame[0], ANNOUNCEMENT)
  return { kind: number, content: number === DELTA ? inflated(content) : content }
}

function inflated (packed) {
  try {
    const { buffer, engine } = inflateSync(packed, {
      info: true, maxOutputLength: ENVELOPE_BYTES_MAX
    })
    if (engine.bytesWritten === packed.length) return new Uint8Array(buffer)
  } catch (error) {
    if (error.code === 'ERR_BUFFER_TOO_LARGE') throw new Violation('oversized')
  }
  throw new Violation('malformed')
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
