// Deltas: their form, id, payload hash and signature (delta.md).

import { readGovernance } from './governance.mjs'
import { hash, message } from './hashing.mjs'
import { requireContentAddress } from './identifiers.mjs'
import { ELEMENTS_MAX, encode } from './msgpack.mjs'
import {
  SEQUENCE_MAX, UINT64_MAX, bytes, bytesOrNil, bytesUpTo, integer, isEqual, list, sorted,
  versioned
} from './shape.mjs'
import { requireSignature } from './signing.mjs'
import { Violation } from './violation.mjs'

const VERSION = 1n
const FRAME_BYTES_MAX = 4_194_304
const HEADER_BYTES_MAX = 65_536
const HEADER_ELEMENTS_MAX = 4_096
const PARENTS_MAX = 32
const EPOCHS_MAX = 32
const CALLS_MAX = 256
const GOVERNANCE_MAX = 64
const TAG = 'covey/delta/1'

// A delta whose form, payload hash and signature are right, in a context.
export function readDelta (frame, contextId) {
  const [, header, signature, sealed] =
    versioned(frame, FRAME_BYTES_MAX, ELEMENTS_MAX, VERSION, 4)
  const delta = {
    ...readHeader(bytesUpTo(header, HEADER_BYTES_MAX)),
    id: hash(TAG, contextId, header),
    header,
    signature: bytes(signature, 64),
    sealed: bytesUpTo(sealed, FRAME_BYTES_MAX)
  }
  if (!isEqual(delta.payloadHash, payloadHash(sealed))) throw new Violation('wrong-payload')
  requireSignature(signature, delta.author, signedMessage(header, contextId))
  return delta
}

export function payloadHash (sealed) {
  return hash('covey/payload/1', sealed)
}

export function signedMessage (header, contextId) {
  return message(TAG, contextId, header)
}

export function headerOf (core, hashOfPayload) {
  return encode([...core, hashOfPayload])
}

function readHeader (header) {
  const [
    , author, sequence, previous, parents, govParents, time, release, epochs, fuel, governance,
    hashOfPayload
  ] = versioned(header, HEADER_BYTES_MAX, HEADER_ELEMENTS_MAX, VERSION, 12)
  const read = {
    author: bytes(author, 32),
    sequence: integer(sequence, 1n, SEQUENCE_MAX),
    previous: bytesOrNil(previous, 32),
    parents: readIds(parents),
    govParents: readIds(govParents),
    time: integer(time, 0n, UINT64_MAX),
    release: requireContentAddress(release),
    epochs: list(epochs, EPOCHS_MAX, epoch => bytes(epoch, 32)),
    fuel: list(fuel, CALLS_MAX, each => integer(each, 0n, SEQUENCE_MAX)),
    governance: list(governance, GOVERNANCE_MAX, readGovernance),
    payloadHash: bytes(hashOfPayload, 32)
  }
  if ((read.sequence === 1n) !== (read.previous === null)) {
    throw new Violation('wrong-shape', 'only the first delta of a device has no previous')
  }
  return read
}

function readIds (value) {
  return sorted(list(value, PARENTS_MAX, id => bytes(id, 32)))
}
