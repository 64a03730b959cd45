'use strict'
const assert = require('assert')
const { hub, as } = require('../lib/topologies')
const { until, within } = require('../lib/wait')
const { prepare, send, assertRejected } = require('../lib/packets')

exports.proves = 'our node survives a server that refuses its secret, keeps trying, and gets in once the secret is right'

exports.run = async t => {
  const wrong = await t.server({ secret: 'not-that-one' })
  const node = await hub(t, {
    peers: [{ id: 'remote', url: wrong.url, authToken: 'the-secret' }],
    routes: [{ prefix: 'test.remote', nextHop: 'remote' }]
  })
  await until('a second try', () => wrong.dials >= 2)

  // Meanwhile the node serves the peers that it has, and says that it is not well.
  const alice = await t.attach(node, as('alice'))
  assertRejected(await send(alice, prepare({ destination: 'test.remote.shop' })), { code: 'T01', triggeredBy: 'test.hub' })
  assert.strictEqual((await node.health()).status, 503)

  await wrong.close()
  const right = await t.server({ secret: 'the-secret', port: wrong.port })
  await within(10000, 'the node to get in', right.connected)
  await node.healthy()
}
