'use strict'
const assert = require('assert')
const { hub, as } = require('../lib/topologies')
const { prepare, send, fulfiller, assertFulfilled } = require('../lib/packets')

exports.proves = 'a packet from one client reaches another and its FULFILL comes back'

exports.run = async t => {
  const node = await hub(t)
  const alice = await t.attach(node, as('alice'))
  const bob = await t.attach(node, as('bob'))
  const seen = []
  bob.registerDataHandler(fulfiller({ seen, data: packet => Buffer.concat([Buffer.from('thanks for '), packet.data]) }))

  const packet = prepare({ destination: 'test.hub.bob.invoice.7', amount: '18446744073709551615', data: Buffer.from('seven apples') })
  const reply = await send(alice, packet)

  assertFulfilled(packet, reply)
  assert.strictEqual(reply.data.toString(), 'thanks for seven apples')
  assert.deepStrictEqual(seen, [{ ...packet, expiresAt: new Date(packet.expiresAt - 1000) }], 'a hop takes a second and nothing else')
}
