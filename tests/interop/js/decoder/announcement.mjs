// Announcements: what a node says that it holds (gossip.md).

import { message } from './hashing.mjs'
import { ELEMENTS_MAX, decode } from './msgpack.mjs'
import {
  SEQUENCE_MAX, UINT64_MAX, bytes, bytesUpTo, fields, integer, list, sorted, text, versioned
} from './shape.mjs'
import { requireSignature } from './signing.mjs'
import { Violation } from './violation.mjs'

const VERSION = 1n
const FRAME_BYTES_MAX = 8_192
const PEER_CHARACTERS_MAX = 128
const HEADS_MAX = 32
const PRINTABLE = /^[\x20-\x7e]+$/

export function readAnnouncement (frame, contextId) {
  const [body, signature] = fields(decode(frame, FRAME_BYTES_MAX), 2)
  const announcement = readBody(bytesUpTo(body, FRAME_BYTES_MAX))
  const signed = message('covey/announcement/1', contextId, body)
  requireSignature(bytes(signature, 64), announcement.device, signed)
  return { ...announcement, body }
}

function readBody (body) {
  const [, device, peer, count, frontierDigest, stateDigest, heads, unixMs] =
    versioned(body, FRAME_BYTES_MAX, ELEMENTS_MAX, VERSION, 8)
  return {
    device: bytes(device, 32),
    peer: readPeer(peer),
    count: integer(count, 0n, UINT64_MAX),
    frontierDigest: bytes(frontierDigest, 32),
    stateDigest: bytes(stateDigest, 32),
    heads: sorted(list(heads, HEADS_MAX, readHead), ({ id }) => [id]),
    unixMs: integer(unixMs, 0n, UINT64_MAX)
  }
}

function readPeer (value) {
  const peer = text(value, PEER_CHARACTERS_MAX)
  if (!PRINTABLE.test(peer)) throw new Violation('wrong-shape', 'a peer id that is not printable')
  return peer
}

function readHead (value) {
  const [device, sequence, id] = fields(value, 3)
  return {
    device: bytes(device, 32), sequence: integer(sequence, 1n, SEQUENCE_MAX), id: bytes(id, 32)
  }
}
