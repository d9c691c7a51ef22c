// A js-libp2p node that speaks what covey speaks: TCP, Noise, yamux, identify, ping, GossipSub and
// the DHT.

import './polyfill.mjs'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'

const RAW = 0x55
const SHA2_256 = 0x12

export function openHost () {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false }, // or loopback would not be dialled
    services: {
      identify: identify(),
      ping: ping({ maxOutboundStreams: 4 }), // one of them is the connection monitor's
      pubsub: gossipsub({ allowPublishToZeroTopicPeers: true, floodPublish: true }),
      dht: kadDHT({
        protocol: '/ipfs/kad/1.0.0',
        clientMode: false,
        peerInfoMapper: passthroughMapper, // or loopback addresses would be dropped
        allowQueryWithZeroPeers: true
      })
    }
  })
}

// The content id that a provider key of identifiers.md goes under in the DHT.
export function providerCid (key) {
  return CID.createV1(RAW, createDigest(SHA2_256, key))
}

// Peers that provide a key, each once: [{id, addresses}].
export async function findProviders (host, key, patienceMs) {
  const found = new Map()
  const signal = AbortSignal.timeout(patienceMs)
  for await (const { id, multiaddrs } of host.contentRouting.findProviders(
    providerCid(key), { signal }
  )) {
    if (!id.equals(host.peerId)) found.set(id.toString(), multiaddrs.map(String))
  }
  return [...found].map(([id, addresses]) => ({ id, addresses }))
}
