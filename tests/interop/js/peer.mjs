// A js-libp2p peer in a process of its own: prints its address, then answers commands, one line of
// JSON each: {"do": name, …}. Where a command fails the answer is {"error": sentence}.

import { createHash } from 'node:crypto'
import readline from 'node:readline'
import { openHost, findProviders, providerCid } from './host.mjs'
import { multiaddr } from '@multiformats/multiaddr'

const UNSENT_BYTES_MAX = 1 << 20 // js-libp2p drops nothing, but queues without bound
const TURN_MESSAGES = 16 // between two looks at what is unsent
const PATIENCE_MS = 15_000
const SYNC_PROTOCOL = '/covey/sync/1.0.0'

const host = await openHost()
const { pubsub } = host.services
const inbox = { count: 0, wrong: 0, numbers: new Set() }

// Message n of a size: n in four bytes, then the SHA-256 of these four over and over.
function messageOf (number, size) {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(number)
  const filling = createHash('sha256').update(head).digest()
  return Buffer.concat([head, Buffer.alloc(size - head.length, filling)])
}

function hear ({ detail }) {
  const { buffer, byteOffset, byteLength } = detail.data
  const message = Buffer.from(buffer, byteOffset, byteLength)
  const number = message.readUInt32BE(0)
  inbox.count += 1
  inbox.numbers.add(number)
  if (!message.equals(messageOf(number, message.length))) inbox.wrong += 1
}

function sleep (ms) {
  return new Promise(resolve => setTimeout(resolve, ms))
}

async function until (fact) {
  const limit = performance.now() + PATIENCE_MS
  while (!await fact()) {
    if (performance.now() > limit) throw new Error('it did not happen in time')
    await sleep(10)
  }
}

function unsentBytes () {
  const streams = [...pubsub.streamsOutbound.values()]
  return Math.max(0, ...streams.map(stream => stream.rawStream.writeBufferLength))
}

async function publish ({ topic, count, size }) {
  for (let number = 0; number < count; number++) {
    if (number % TURN_MESSAGES === TURN_MESSAGES - 1) {
      await sleep(0)
      while (unsentBytes() > UNSENT_BYTES_MAX) await sleep(1)
    }
    await pubsub.publish(topic, messageOf(number, size))
  }
}

// What identify told of a peer.
async function describe ({ peer }) {
  const id = host.getPeers().find(each => each.toString() === peer)
  let known
  await until(async () => {
    // Not there at all until identify has begun to tell of it.
    if (!await host.peerStore.has(id)) return false
    known = await host.peerStore.get(id)
    return known.protocols.length > 0
  })
  const text = name => new TextDecoder().decode(known.metadata.get(name))
  return {
    protocols: known.protocols,
    agent: text('AgentVersion'),
    addresses: known.addresses.map(({ multiaddr }) => multiaddr.toString())
  }
}

// One frame to covey's echo and back, on a stream of our own.
async function echo ({ address, size }) {
  const stream = await host.dialProtocol(multiaddr(address), SYNC_PROTOCOL)
  const sent = messageOf(0, size)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(size)
  const received = []
  let missing = length.length + size
  const whole = (async () => {
    for await (const chunk of stream) {
      received.push(chunk.subarray())
      missing -= chunk.byteLength
      if (missing <= 0) return
    }
  })()
  for (const part of [length, sent]) {
    if (!stream.send(part)) await stream.onDrain()
  }
  await whole
  await stream.close()
  return { isSame: Buffer.concat(received).equals(Buffer.concat([length, sent])) }
}

const commands = {
  dial: async ({ address }) => { await host.dial(multiaddr(address)) },
  connected: async () => ({ peers: host.getPeers().map(String) }),
  ping: async ({ address }) => ({ ms: await host.services.ping.ping(multiaddr(address)) }),
  describe,
  echo,
  subscribe: async ({ topic }) => { pubsub.subscribe(topic) },
  meet: async ({ topic, peers }) => {
    await until(() => pubsub.getMeshPeers(topic).length >= peers)
  },
  publish,
  inbox: async () => ({ ...inbox, numbers: inbox.numbers.size }),
  provide: async ({ key }) => {
    await until(() => host.services.dht.routingTable.size > 0) // or nobody is told
    const signal = AbortSignal.timeout(PATIENCE_MS)
    await host.contentRouting.provide(providerCid(Buffer.from(key, 'hex')), { signal })
  },
  find: async ({ key }) => (
    { found: await findProviders(host, Buffer.from(key, 'hex'), PATIENCE_MS) }
  )
}

function say (answer) {
  process.stdout.write(JSON.stringify(answer) + '\n')
}

pubsub.addEventListener('message', hear)
say({ address: host.getMultiaddrs()[0].toString() })
for await (const line of readline.createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  try {
    say(await commands[request.do](request) ?? {})
  } catch (error) {
    say({ error: String(error?.stack ?? error) })
  }
}
process.exit(0)
