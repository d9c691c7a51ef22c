// Reads a context of covey from its topic: `node reader.mjs CONTEXT ADDRESS`.
//
// CONTEXT: the context's id (`bafkrei…`). ADDRESS: any node of the DHT, for instance your own.
// The context's own nodes are found by its provider key. Prints one line of JSON for each delta and
// announcement that is verified, and for each envelope that is refused; ends with its input.

import { findProviders, openHost } from './host.mjs'
import { multiaddr } from '@multiformats/multiaddr'
import { TopicValidatorResult } from '@libp2p/gossipsub'
import { readEnvelope } from './decoder/envelope.mjs'
import {
  contentText, keyText, parseContentText, providerKey, topicKey, topicText
} from './decoder/identifiers.mjs'
import { verifyCertificate, verifyJoin } from './decoder/certificate.mjs'
import { readPayload } from './decoder/payload.mjs'
import { Violation } from './decoder/violation.mjs'
import { hexOf, shown } from './json.mjs'

const LOOK_AGAIN_MS = 1_000
const LOOKUP_MS = 10_000

function say (line) {
  process.stdout.write(JSON.stringify(line) + '\n')
}

function showDelta (delta, contextId) {
  return {
    kind: 'delta',
    id: hexOf(delta.id),
    author: keyText(delta.author),
    sequence: shown(delta.sequence),
    previous: delta.previous === null ? null : hexOf(delta.previous),
    parents: delta.parents.map(hexOf),
    time: shown(delta.time),
    release: contentText(delta.release),
    fuel: shown(delta.fuel),
    governance: delta.governance.map(effect => showGovernance(effect, contextId)),
    calls: readPayload(delta.sealed).map(call => ({
      method: call.method,
      arguments: new TextDecoder().decode(call.arguments),
      effects: call.effects.map(showFields),
      events: call.events.map(showFields)
    }))
  }
}

function showGovernance (effect, contextId) {
  if (effect.kind === 'tighten') return { kind: effect.kind, ...showFields(effect.constraint) }
  if (effect.kind !== 'admit') return showFields(effect)
  verifyCertificate(effect.certificate)
  verifyJoin(effect.join, effect.certificate, contextId)
  const { member, device } = effect.certificate
  return { kind: effect.kind, member: keyText(member), device: keyText(device) }
}

function showFields (object) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, shown(value)]))
}

function showAnnouncement (said) {
  return {
    kind: 'announcement',
    device: keyText(said.device),
    peer: said.peer,
    count: shown(said.count),
    frontier: hexOf(said.frontierDigest),
    state: hexOf(said.stateDigest),
    heads: said.heads.map(({ device, sequence, id }) => (
      { device: keyText(device), sequence: shown(sequence), id: hexOf(id) }
    )),
    time: shown(said.unixMs)
  }
}

// The verdict of gossip.md, said aloud.
function judge (envelope, contextId, key) {
  try {
    const read = readEnvelope(envelope, contextId, key)
    say(read.kind === 'delta' ? showDelta(read, contextId) : showAnnouncement(read))
    return TopicValidatorResult.Accept
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    say({ kind: 'refused', code: error.code })
    return error.code === 'unknown-version'
      ? TopicValidatorResult.Ignore
      : TopicValidatorResult.Reject
  }
}

async function meet (host, topic) {
  const known = new Set()
  while (true) {
    const key = providerKey(topic, Date.now() / 1000)
    for (const { id, addresses } of await findProviders(host, key, LOOKUP_MS)) {
      if (known.has(id) || addresses.length === 0) continue
      await host.dial(addresses.map(text => multiaddr(text)))
      known.add(id)
      say({ kind: 'met', peer: id })
    }
    await new Promise(resolve => setTimeout(resolve, LOOK_AGAIN_MS))
  }
}

const [contextText, address] = process.argv.slice(2)
const contextId = parseContentText(contextText)
const topic = topicText(contextId)
const key = topicKey(contextId)
const host = await openHost()
const { pubsub } = host.services
pubsub.topicValidators.set(topic, (_, message) => judge(message.data, contextId, key))
pubsub.subscribe(topic)
await host.dial(multiaddr(address))
say({ kind: 'reading', topic })
process.stdin.on('end', () => process.exit(0)).resume()
await meet(host, topic)
