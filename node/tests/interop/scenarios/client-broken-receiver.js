'use strict'
const crypto = require('crypto')
const ilp = require('ilp-packet')
const { hub, as } = require('../lib/topologies')
const { prepare, send, fulfiller, assertFulfilled, assertRejected } = require('../lib/packets')

exports.proves = 'a receiver that answers with a BTP ERROR, a wrong fulfillment or not at all harms one packet only'

exports.run = async t => {
  const node = await hub(t)
  const alice = await t.attach(node, as('alice'))
  const bob = await t.attach(node, as('bob'))
  const pay = options => send(alice, prepare({ destination: 'test.hub.bob', ...options }))

  // The plugin answers BTP ERROR F00 while it has no data handler.
  assertRejected(await pay(), { code: 'T01', triggeredBy: 'test.hub' })

  bob.registerDataHandler(async () => ilp.serializeIlpFulfill({ fulfillment: crypto.randomBytes(32), data: Buffer.alloc(0) }))
  assertRejected(await pay(), { code: 'F05', triggeredBy: 'test.hub' })
  bob.deregisterDataHandler()

  bob.registerDataHandler(() => new Promise(() => {}))
  assertRejected(await pay({ lifetime: 2000 }), { code: 'R00', triggeredBy: 'test.hub' })
  bob.deregisterDataHandler()

  bob.registerDataHandler(fulfiller())
  const packet = prepare({ destination: 'test.hub.bob' })
  assertFulfilled(packet, await send(alice, packet))
}
