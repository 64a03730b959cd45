'use strict'
const assert = require('assert')
const crypto = require('crypto')
const { hub, as } = require('../lib/topologies')
const { prepare, send, fulfiller, rejecter, assertFulfilled, assertRejected } = require('../lib/packets')

exports.proves = 'the most data that a packet may carry passes both ways; one byte more is F01'

const MAX_DATA = 32767

exports.run = async t => {
  const node = await hub(t)
  const alice = await t.attach(node, as('alice'))
  const bob = await t.attach(node, as('bob'))

  const answer = crypto.randomBytes(MAX_DATA)
  const seen = []
  bob.registerDataHandler(fulfiller({ seen, data: () => answer }))
  const packet = prepare({ destination: 'test.hub.bob', data: crypto.randomBytes(MAX_DATA) })
  const reply = await send(alice, packet)
  assertFulfilled(packet, reply)
  assert(reply.data.equals(answer))
  assert(seen[0].data.equals(packet.data))

  const tooBig = prepare({ destination: 'test.hub.bob', data: crypto.randomBytes(MAX_DATA + 1) })
  assertRejected(await send(alice, tooBig), { code: 'F01', triggeredBy: 'test.hub' })
  bob.deregisterDataHandler()

  const reject = { code: 'F99', triggeredBy: 'test.hub.bob', message: 'm'.repeat(8191), data: answer }
  bob.registerDataHandler(rejecter(reject))
  assert.deepStrictEqual(await send(alice, prepare({ destination: 'test.hub.bob' })), reject)
}
