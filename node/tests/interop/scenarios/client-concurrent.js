'use strict'
const assert = require('assert')
const { hub, as } = require('../lib/topologies')
const { prepare, send, fulfillmentFor, assertFulfilled } = require('../lib/packets')
const ilp = require('ilp-packet')

exports.proves = '50 packets in flight in each direction get their own answers, in any order'

// Holds every packet until `count` have come, then answers them last one first.
function reversed (count) {
  const held = []
  return bytes => new Promise(resolve => {
    const packet = ilp.deserializeIlpPrepare(bytes)
    held.unshift(() => resolve(ilp.serializeIlpFulfill({ fulfillment: fulfillmentFor(packet.data), data: packet.data })))
    if (held.length === count) held.forEach(answer => answer())
  })
}

async function volley (from, destination, count) {
  const packets = Array.from({ length: count }, (_, i) => prepare({ destination, amount: String(i), data: Buffer.from(`${destination} ${i}`) }))
  const replies = await Promise.all(packets.map(packet => send(from, packet)))
  packets.forEach((packet, i) => {
    assertFulfilled(packet, replies[i])
    assert.strictEqual(replies[i].data.toString(), packet.data.toString())
  })
}

exports.run = async t => {
  const node = await hub(t)
  const alice = await t.attach(node, as('alice'))
  const bob = await t.attach(node, as('bob'))
  alice.registerDataHandler(reversed(50))
  bob.registerDataHandler(reversed(50))

  await Promise.all([volley(alice, 'test.hub.bob', 50), volley(bob, 'test.hub.alice', 50)])
}
