'use strict'
const assert = require('assert')
const { hub, as } = require('../lib/topologies')
const { within } = require('../lib/wait')
const { prepare, send, fulfiller, assertFulfilled } = require('../lib/packets')

exports.proves = 'a client with a wrong token is turned away, and the right one is not disturbed'

exports.run = async t => {
  const node = await hub(t)
  const alice = await t.attach(node, as('alice'))
  const bob = await t.attach(node, as('bob'))
  bob.registerDataHandler(fulfiller())

  for (const mallory of [
    { user: 'bob', token: 'alice-token' },
    { user: 'bob', token: 'guess' },
    { user: 'bob', token: '' },
    { user: 'nobody', token: 'bob-token' },
    { token: 'guess' },
    { path: '/accounts/alice/ilp/btp', user: 'bob', token: 'bob-token' }
  ]) {
    const connecting = within(5000, 'the refusal', t.detached(node, mallory).connect())
    await assert.rejects(connecting, /connection aborted/, JSON.stringify(mallory))
  }

  const packet = prepare({ destination: 'test.hub.bob' })
  assertFulfilled(packet, await send(alice, packet))
}
