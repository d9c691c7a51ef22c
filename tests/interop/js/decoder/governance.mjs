// Governance effects: an array of a kind and its fields (governance.md).

import { readCertificate, readJoin } from './certificate.mjs'
import { requireContentAddress } from './identifiers.mjs'
import { SEQUENCE_MAX, bytes, bytesUpTo, fields, integer, kind, list, sorted, text } from './shape.mjs'

const FIELDS_MAX = 8 // of kinds to come too
const KIND_LAST = 10n
const ROLE_BYTES_MAX = 64
const MANIFEST_BYTES_MAX = 49_152
const TIPS_MAX = 32
const WITNESSES_MAX = 8
const KEYS_MAX = 32
const NEVER = 1n
const PUBLISHER = 2n
const QUORUM = 3n

const KINDS = new Map([
  [1n, ['merge']],
  [2n, ['admit', ['certificate', readCertificate], ['join', readJoin]]],
  [3n, ['promote', ['device', key], ['role', role]]],
  [4n, ['close', ['device', key], ['tips', tips]]],
  [5n, ['demote', ['device', key], ['role', role], ['tips', tips]]],
  [6n, ['upgrade', ['number', number], ['manifest', manifest], ['witnesses', witnesses]]],
  [7n, ['approve', ['number', number], ['release', requireContentAddress]]],
  [8n, ['tighten', ['constraint', readConstraint]]],
  [9n, ['evidence', ['one', key], ['other', key]]],
  [10n, ['vote', ['device', key]]]
])

export function readGovernance (value) {
  const parts = list(value, FIELDS_MAX, part => part)
  const [name, ...shape] = KINDS.get(kind(parts[0], KIND_LAST))
  const [, ...rest] = fields(parts, shape.length + 1)
  const effect = { kind: name }
  shape.forEach(([field, read], index) => { effect[field] = read(rest[index]) })
  if (name === 'evidence') sorted([effect.one, effect.other])
  return effect
}

// [1] never, [2] publisher, [3, k, keys, notice in ms] quorum (charter.md).
function readConstraint (value) {
  const parts = list(value, 4, part => part)
  const which = kind(parts[0], QUORUM)
  if (which === NEVER) return { rule: 'never', ...nothing(parts) }
  if (which === PUBLISHER) return { rule: 'publisher', ...nothing(parts) }
  const [, k, keys, notice] = fields(parts, 4)
  const members = list(keys, KEYS_MAX, key)
  return {
    rule: 'quorum',
    k: integer(k, 1n, BigInt(Math.max(1, members.length))),
    keys: members,
    noticeMs: integer(notice, 0n, SEQUENCE_MAX)
  }
}

function nothing (parts) {
  fields(parts, 1)
  return {}
}

function key (value) {
  return bytes(value, 32)
}

function role (value) {
  return text(value, ROLE_BYTES_MAX)
}

function number (value) {
  return integer(value, 1n, SEQUENCE_MAX)
}

function manifest (value) {
  return bytesUpTo(value, MANIFEST_BYTES_MAX)
}

function tips (value) {
  return sorted(list(value, TIPS_MAX, key))
}

function witnesses (value) {
  return sorted(list(value, WITNESSES_MAX, key))
}
