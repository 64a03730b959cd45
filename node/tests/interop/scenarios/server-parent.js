'use strict'
const assert = require('assert')
const ilp = require('ilp-packet')
const ildcp = require('ilp-protocol-ildcp')
const { child, as } = require('../lib/topologies')
const { prepare, send, fulfiller, assertFulfilled, assertRejected } = require('../lib/packets')

exports.proves = 'our node takes its address from a parent by ILDCP and hands a part of it to its own child'

// A parent as far as a child can tell: gives out an address and fulfils everything else.
function parent (clientAddress) {
  const fulfill = fulfiller()
  return bytes => ilp.deserializeIlpPrepare(bytes).destination === 'peer.config'
    ? ildcp.serve({ requestPacket: bytes, serverAddress: 'test.parent', handler: async () => ({ clientAddress, assetScale: 2, assetCode: 'XAU' }) })
    : fulfill(bytes)
}

exports.run = async t => {
  const server = await t.server({ secret: 'the-secret' })
  server.plugin.registerDataHandler(parent('test.parent.our-node'))
  const node = await t.node({
    nodeId: 'our-node',
    peers: [{ id: 'up', url: server.url, authToken: 'the-secret', relation: 'parent' }, child('alice')],
    routes: [{ prefix: '', nextHop: 'up' }]
  })
  await node.healthy()

  const alice = await t.attach(node, as('alice'))
  const { clientAddress } = await ildcp.fetch(alice.sendData.bind(alice))
  assert.strictEqual(clientAddress, 'test.parent.our-node.alice')

  alice.registerDataHandler(fulfiller())
  for (const [from, destination] of [[alice, 'test.parent.shop'], [server.plugin, 'test.parent.our-node.alice']]) {
    const packet = prepare({ destination })
    assertFulfilled(packet, await send(from, packet))
  }
  assertRejected(await send(alice, prepare({ destination: 'test.parent.our-node.nobody' })), { code: 'F02', triggeredBy: 'test.parent.our-node' })
}
