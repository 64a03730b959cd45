'use strict'
const { hub, as } = require('../lib/topologies')
const { prepare, send, assertRejected } = require('../lib/packets')

exports.proves = 'F02 for a destination nobody knows, T01 for a client that is not there'

exports.run = async t => {
  const node = await hub(t)
  const alice = await t.attach(node, as('alice'))

  for (const destination of ['test.nowhere', 'g.elsewhere.bob', 'test.hub.carol', 'test.hubble', 'peer.unknown']) {
    assertRejected(await send(alice, prepare({ destination })), { code: 'F02', triggeredBy: 'test.hub' })
  }
  assertRejected(await send(alice, prepare({ destination: 'test.hub.bob' })), { code: 'T01', triggeredBy: 'test.hub' })
}
