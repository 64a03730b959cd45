'use strict'
const assert = require('assert')
const { hub, as } = require('../lib/topologies')
const { prepare, send, fulfiller, assertFulfilled } = require('../lib/packets')

exports.proves = 'our node dials the plugin, with and without a user name, and packets pass both ways'

exports.run = async t => {
  for (const [setting, sent] of [[{}, 'hub'], [{ authUsername: 'zoe' }, 'zoe'], [{ authUsername: null }, undefined]]) {
    const server = await t.server({ secret: 'p@ss/w:rd é' })
    const node = await hub(t, {
      peers: [{ id: 'remote', url: server.url, authToken: 'p@ss/w:rd é', ...setting }],
      routes: [{ prefix: 'test.remote', nextHop: 'remote' }]
    })
    await server.connected
    await node.healthy()
    assert.strictEqual(server.auth.auth_username, sent)

    const alice = await t.attach(node, as('alice'))
    alice.registerDataHandler(fulfiller())
    server.plugin.registerDataHandler(fulfiller())
    for (const [from, destination] of [[alice, 'test.remote.shop'], [server.plugin, 'test.hub.alice']]) {
      const packet = prepare({ destination })
      assertFulfilled(packet, await send(from, packet))
    }
  }
}
