// Frontiers: the compact name of a cut (sync.md).

import { hash } from './hashing.mjs'
import { decode, encode } from './msgpack.mjs'
import { SEQUENCE_MAX, bytes, fields, integer, list, sorted } from './shape.mjs'
import { Violation } from './violation.mjs'

const DEVICES_MAX = 65_536
const TIPS_MAX = 65_536

// [{device, tips: [{sequence, id}, …]}, …]; sizeMax: of the frame that carries it.
export function readFrontier (encoded, sizeMax = 5 * 1024 * 1024) {
  const rows = list(decode(encoded, sizeMax, Infinity), DEVICES_MAX, readRow)
  return sorted(rows, ({ device }) => [device])
}

export function frontierDigest (encoded, contextId) {
  return hash('covey/frontier/1', contextId, encoded)
}

export function encodeFrontier (rows) {
  return encode(rows.map(({ device, tips }) => (
    [device, tips.map(({ sequence, id }) => [sequence, id])]
  )))
}

function readRow (value) {
  const [device, tips] = fields(value, 2)
  const read = list(tips, TIPS_MAX, tip => {
    const [sequence, id] = fields(tip, 2)
    return { sequence: integer(sequence, 1n, SEQUENCE_MAX), id: bytes(id, 32) }
  })
  if (read.length === 0) throw new Violation('wrong-shape', 'a device without tips')
  return { device: bytes(device, 32), tips: sorted(read, ({ sequence, id }) => [sequence, id]) }
}
