// The one hash and what signatures cover (encoding.md).

import { sha256 } from '@noble/hashes/sha2.js'
import { concat, encode, utf8 } from './msgpack.mjs'

export { sha256 }

export function hash (tag, ...parts) {
  return sha256(concat(tagged(tag), encode(parts)))
}

export function message (tag, ...parts) {
  return concat(tagged(tag), ...parts)
}

function tagged (tag) {
  return concat([tag.length], utf8(tag))
}
