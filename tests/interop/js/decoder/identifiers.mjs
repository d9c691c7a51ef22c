// Names and their texts (identifiers.md). A wrong text is its writer's mistake: code `usage`.

import { base32 } from 'multiformats/bases/base32'
import { base58btc } from 'multiformats/bases/base58'
import { hash, sha256 } from './hashing.mjs'
import { concat } from './msgpack.mjs'
import { bytes, isEqual } from './shape.mjs'
import { Violation } from './violation.mjs'

const CONTENT_PREFIX = Uint8Array.of(0x01, 0x55, 0x12, 0x20)
const CONTENT_BYTES = 36
const KEY_PREFIX = Uint8Array.of(0xed, 0x01)
const KEY_BYTES = 32
const DAY_S = 86_400
const DID = 'did:key:'
const TOPIC = '/covey/1/'

export function contentAddress (content) {
  return concat(CONTENT_PREFIX, sha256(content))
}

// A content address as a field of an object.
export function requireContentAddress (value) {
  if (!isEqual(bytes(value, CONTENT_BYTES).subarray(0, 4), CONTENT_PREFIX)) {
    throw new Violation('wrong-shape', 'no content address')
  }
  return value
}

export function contentText (address) {
  return base32.encode(address)
}

export function parseContentText (text) {
  return parsed(text, base32, CONTENT_PREFIX, CONTENT_BYTES)
}

export function keyText (key) {
  return DID + base58btc.encode(concat(KEY_PREFIX, key))
}

export function parseKeyText (text) {
  if (!text.startsWith(DID)) throw new Violation('usage', 'no did:key')
  const rest = text.slice(DID.length)
  return parsed(rest, base58btc, KEY_PREFIX, KEY_PREFIX.length + KEY_BYTES).subarray(2)
}

export function topicHash (contextId) {
  return hash('covey/topic/1', contextId)
}

export function topicText (contextId) {
  return TOPIC + base32.encode(topicHash(contextId)).slice(1)
}

export function parseTopicText (text) {
  if (!text.startsWith(TOPIC)) throw new Violation('usage', 'no topic')
  return parsed('b' + text.slice(TOPIC.length), base32, new Uint8Array(), KEY_BYTES)
}

export function topicKey (contextId) {
  return hash('covey/topic-key/1', contextId)
}

export function providerKey (topic, unixS) {
  return hash('covey/dht/1', topic, BigInt(Math.floor(unixS / DAY_S)))
}

export function applicationId (publisher, name) {
  return hash('covey/application/1', publisher, name)
}

// Only the text that writing gives again.
function parsed (text, base, prefix, size) {
  let named
  try {
    named = base.decode(text)
  } catch {
    throw new Violation('usage', 'letters that the alphabet has not')
  }
  const begins = isEqual(named.subarray(0, prefix.length), prefix)
  if (named.length !== size || !begins || base.encode(named) !== text) {
    throw new Violation('usage', 'not the one text of anything')
  }
  return named
}
