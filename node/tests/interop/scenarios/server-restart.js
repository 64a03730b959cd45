'use strict'
const { hub, as } = require('../lib/topologies')
const { until, within } = require('../lib/wait')
const { prepare, send, fulfiller, assertFulfilled, assertRejected } = require('../lib/packets')

exports.proves = 'our node dials again when the server was away'

exports.run = async t => {
  const first = await t.server({ secret: 'the-secret' })
  const node = await hub(t, {
    peers: [{ id: 'remote', url: first.url, authToken: 'the-secret' }],
    routes: [{ prefix: 'test.remote', nextHop: 'remote' }]
  })
  await node.healthy()
  const alice = await t.attach(node, as('alice'))

  await first.close()
  await until('the node to notice', async () => (await node.health()).status === 503)
  assertRejected(await send(alice, prepare({ destination: 'test.remote' })), { code: 'T01', triggeredBy: 'test.hub' })

  const second = await t.server({ secret: 'the-secret', port: first.port })
  second.plugin.registerDataHandler(fulfiller())
  await within(10000, 'the node to come back', second.connected)
  await node.healthy()
  const packet = prepare({ destination: 'test.remote' })
  assertFulfilled(packet, await send(alice, packet))
}
