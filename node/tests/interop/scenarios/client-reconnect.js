'use strict'
const { hub, as } = require('../lib/topologies')
const { next } = require('../lib/wait')
const { prepare, send, fulfiller, assertFulfilled } = require('../lib/packets')

exports.proves = 'clients find back to a node that was killed, and to one that was stopped'

exports.run = async t => {
  const node = await hub(t)
  const alice = await t.attach(node, as('alice'))
  const bob = await t.attach(node, as('bob'))
  bob.registerDataHandler(fulfiller())

  for (const end of ['kill', 'stop']) {
    const back = Promise.all([alice, bob].map(plugin => next(plugin, 'connect')))
    await node[end]()
    await node.start()
    await back
    const packet = prepare({ destination: 'test.hub.bob' })
    assertFulfilled(packet, await send(alice, packet))
  }
}
