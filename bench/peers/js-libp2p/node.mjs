// A js-libp2p node in a process of its own: prints its address, then answers commands, one line of
// JSON each. The same commands as covey_gossip.py beside this folder; times are the monotonic clock.

import crypto from 'node:crypto'
import readline from 'node:readline'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const UNSENT_BYTES_MAX = 1 << 20 // js-libp2p drops nothing, but queues without bound
const TURN_MESSAGES = 16 // between two looks at what is unsent

const node = await createLibp2p({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  connectionGater: { denyDialMultiaddr: () => false },
  connectionMonitor: { enabled: false },
  services: {
    identify: identify(),
    pubsub: gossipsub({
      emitSelf: false, allowPublishToZeroTopicPeers: true, floodPublish: true, heartbeatInterval: 1000
    })
  }
})
const { pubsub } = node.services
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
const say = answer => process.stdout.write(JSON.stringify(answer) + '\n')
let latencies = [] // milliseconds, of every message heard
let heard = new Set()
let wake = () => {}

pubsub.addEventListener('message', ({ detail }) => {
  const frame = Buffer.from(detail.data.buffer, detail.data.byteOffset, detail.data.byteLength)
  latencies.push(Number(process.hrtime.bigint() - frame.readBigUInt64BE(0)) / 1e6)
  heard.add(`${detail.from}:${frame.readUInt32BE(8)}`)
  wake()
})

function unsentBytes () {
  const streams = [...(pubsub.streamsOutbound?.values() ?? [])]
  return Math.max(0, ...streams.map(stream => stream.rawStream?.writeBufferLength ?? 0))
}

async function until (fact) {
  while (!fact()) await sleep(10)
}

async function publish ({ topic, count, size, rate }) {
  const filling = crypto.randomBytes(size)
  const begun = performance.now()
  for (let number = 0; number < count; number++) {
    if (rate) {
      await sleep(Math.max(0, begun + number * 1000 / rate - performance.now()))
    } else if (number % TURN_MESSAGES === TURN_MESSAGES - 1) {
      await sleep(0)
      while (unsentBytes() > UNSENT_BYTES_MAX) await sleep(1)
    }
    const frame = Buffer.from(filling)
    frame.writeBigUInt64BE(process.hrtime.bigint(), 0)
    frame.writeUInt32BE(number, 8)
    await pubsub.publish(topic, frame)
  }
}

async function received ({ count, patience_s: patience }) {
  const limit = performance.now() + patience * 1000
  while (heard.size < count && performance.now() < limit) {
    await new Promise(resolve => {
      const timer = setTimeout(resolve, limit - performance.now())
      wake = () => { if (heard.size >= count) { clearTimeout(timer); resolve() } }
      wake()
    })
  }
  const answer = { distinct: heard.size, heard: latencies.length, ms: latencies }
  latencies = []
  heard = new Set()
  wake = () => {}
  return answer
}

const commands = {
  dial: async ({ address }) => { await node.dial(multiaddr(address)) },
  subscribe: async ({ topic }) => { pubsub.subscribe(topic) },
  meet: async ({ topic, peers }) => {
    await until(() => pubsub.getSubscribers(topic).length >= peers && pubsub.getMeshPeers(topic).length >= peers)
  },
  publish,
  received
}

say({ address: node.getMultiaddrs()[0].toString() })
for await (const line of readline.createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  say(await commands[request.do](request) ?? {})
}
process.exit(0)
