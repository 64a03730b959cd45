'use strict'
const assert = require('assert')
const { chain, as } = require('../lib/topologies')
const { prepare, send, fulfiller, assertFulfilled, assertRejected } = require('../lib/packets')

exports.proves = 'a packet passes three of our nodes, a second less to live at each; errors name the node that knows'

exports.run = async t => {
  const { a, c } = await chain(t)
  const alice = await t.attach(a, as('alice'))
  const bob = await t.attach(c, as('bob'))
  const seen = []
  bob.registerDataHandler(fulfiller({ seen }))

  const packet = prepare({ destination: 'test.c.bob' })
  assertFulfilled(packet, await send(alice, packet))
  assert.deepStrictEqual(seen, [{ ...packet, expiresAt: new Date(packet.expiresAt - 3000) }])

  assertRejected(await send(alice, prepare({ destination: 'test.d.bob' })), { code: 'F02', triggeredBy: 'test.b' })
  assertRejected(await send(alice, prepare({ destination: 'test.c.carol' })), { code: 'F02', triggeredBy: 'test.c' })
  assertRejected(await send(alice, prepare({ destination: 'test.c.bob', lifetime: 2900 })), { code: 'R02', triggeredBy: 'test.c' })
}
