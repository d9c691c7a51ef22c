// Judges the vectors of protocols/ with the decoder: `node vectors.mjs FOLDER NAME…`.
//
// Prints one line of JSON for each case: {file, name, code} where the decoder refused, {file, name,
// gave} otherwise. `gave` holds what the decoder made of the case's inputs, under the case's own
// names, so that whoever started this can compare without knowing any of it.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { shake256 } from '@noble/hashes/sha3.js'
import { readAnnouncement } from './decoder/announcement.mjs'
import {
  readCertificate, readJoin, verifyCertificate, verifyJoin
} from './decoder/certificate.mjs'
import { headerOf, payloadHash, readDelta, signedMessage } from './decoder/delta.mjs'
import { open, readEnvelope, readFrame, seal } from './decoder/envelope.mjs'
import { encodeFrontier, frontierDigest, readFrontier } from './decoder/frontier.mjs'
import { hash, message } from './decoder/hashing.mjs'
import * as identifiers from './decoder/identifiers.mjs'
import { decode, encode, utf8 } from './decoder/msgpack.mjs'
import { readPayload } from './decoder/payload.mjs'
import { publicKey, requireSignature, sign } from './decoder/signing.mjs'
import { Violation } from './decoder/violation.mjs'
import { bytesOf, hexOf, shown, valueOf } from './json.mjs'

const GENERAL_SIZE_MAX = 4_194_304 // of encoding.json, as its description says

const judges = {
  announcement: ({ context, frame }) => {
    const { body } = readAnnouncement(bytesOf(frame), bytesOf(context))
    return { body: shown(decode(body, body.length)) }
  },
  certificate: ({ certificate, join, context }) => {
    const read = readCertificate(decode(bytesOf(certificate), GENERAL_SIZE_MAX))
    if (join === undefined) verifyCertificate(read)
    else verifyJoin(readJoin(decode(bytesOf(join), GENERAL_SIZE_MAX)), read, bytesOf(context))
    return {}
  },
  delta: ({ context, frame, seed }) => {
    const contextId = bytesOf(context)
    const delta = readDelta(bytesOf(frame), contextId)
    const core = decode(delta.header, delta.header.length).slice(0, 11)
    const signed = signedMessage(delta.header, contextId)
    readPayload(delta.sealed)
    return {
      id: hexOf(delta.id),
      key: hexOf(delta.author),
      message: hexOf(signed),
      signature: hexOf(sign(signed, bytesOf(seed))),
      header: hexOf(headerOf(core, payloadHash(delta.sealed))),
      payload: hexOf(delta.sealed),
      payload_hash: hexOf(delta.payloadHash),
      core: shown(core)
    }
  },
  encoding: ({ encoded }) => {
    const value = decode(bytesOf(encoded), GENERAL_SIZE_MAX, Infinity)
    return { value: shown(value), encoded: hexOf(encode(value)) }
  },
  envelope: ({ context, envelope, nonce }) => {
    const key = identifiers.topicKey(bytesOf(context))
    const frame = open(bytesOf(envelope), key)
    return {
      key: hexOf(key), frame: hexOf(frame), envelope: hexOf(seal(frame, key, bytesOf(nonce)))
    }
  },
  frontier: ({ context, encoded }) => {
    const rows = readFrontier(bytesOf(encoded))
    const again = encodeFrontier(rows)
    return {
      encoded: hexOf(again),
      digest: hexOf(frontierDigest(again, bytesOf(context))),
      frontier: rows.map(({ device, tips }) => [
        hexOf(device), tips.map(({ sequence, id }) => [shown(sequence), hexOf(id)])
      ])
    }
  },
  gossip: ({ frame }) => {
    const { kind, content } = readFrame(bytesOf(frame))
    return { kind: shown(kind), content: hexOf(content) }
  },
  topic: ({ context, envelope }) => {
    const contextId = bytesOf(context)
    const key = identifiers.topicKey(contextId)
    return { kind: readEnvelope(bytesOf(envelope), contextId, key).kind }
  },
  hashing: judgeHashing,
  identifiers: judgeName,
  payload: ({ encoded }) => {
    const plain = bytesOf(encoded)
    readPayload(plain)
    return {
      encoded: hexOf(encode(decode(plain, plain.length, Infinity))),
      hash: hexOf(payloadHash(plain)),
      payload: shown(decode(plain, plain.length, Infinity))
    }
  }
}

function judgeHashing (given) {
  if (given.tag !== undefined) {
    return { hash: hexOf(hash(given.tag, ...valueOf(given.parts))) }
  }
  if (given.method !== undefined) {
    const seed = hash(
      'covey/seed/1', bytesOf(given.context), bytesOf(given.author), BigInt(given.sequence),
      bytesOf(given.previous), BigInt(given.index), [given.method, bytesOf(given.arguments)]
    )
    const random = bytesOf(given.random)
    return { seed: hexOf(seed), random: hexOf(shake256(seed, { dkLen: random.length })) }
  }
  requireSignature(bytesOf(given.signature), bytesOf(given.key), bytesOf(given.message))
  const seed = bytesOf(given.seed)
  return { key: hexOf(publicKey(seed)), signature: hexOf(sign(bytesOf(given.message), seed)) }
}

function judgeName (given) {
  const context = given.context === undefined ? undefined : bytesOf(given.context)
  switch (given.kind) {
    case 'cid':
      if (given.content === undefined) return { text: identifiers.parseContentText(given.text) }
      return {
        bytes: hexOf(identifiers.contentAddress(bytesOf(given.content))),
        text: identifiers.contentText(identifiers.parseContentText(given.text))
      }
    case 'did':
      if (given.key === undefined) return { text: identifiers.parseKeyText(given.text) }
      return {
        key: hexOf(identifiers.parseKeyText(given.text)),
        text: identifiers.keyText(bytesOf(given.key))
      }
    case 'topic':
      identifiers.parseTopicText(given.text)
      return { text: identifiers.topicText(context) }
    case 'topic-key':
      return { key: hexOf(identifiers.topicKey(context)) }
    case 'dht':
      return { key: hexOf(identifiers.providerKey(given.topic, given.unix_s)) }
    case 'application':
      return { id: hexOf(identifiers.applicationId(bytesOf(given.publisher), given.package)) }
  }
}

function judge (file, given) {
  try {
    return { gave: judges[file](given) }
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    return { code: error.code }
  }
}

const [folder, ...names] = process.argv.slice(2)
for (const file of names) {
  const { valid, invalid } = JSON.parse(readFileSync(path.join(folder, `${file}.json`), 'utf8'))
  for (const given of [...valid, ...invalid]) {
    console.log(JSON.stringify({ file, name: given.name, ...judge(file, given) }))
  }
}
