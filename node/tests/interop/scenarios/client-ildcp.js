'use strict'
const assert = require('assert')
const ildcp = require('ilp-protocol-ildcp')
const { hub, as } = require('../lib/topologies')

exports.proves = 'a client learns its address and asset by ILDCP, however it says who it is'

exports.run = async t => {
  const node = await hub(t)
  const ways = {
    'by user name': as('alice'),
    'by the token alone': { token: 'alice-token' },
    'by name:token in one': { options: { btpToken: 'alice:alice-token' } },
    'by path': { path: '/accounts/alice/ilp/btp', token: 'alice-token' }
  }
  for (const [way, options] of Object.entries(ways)) {
    const alice = await t.attach(node, options)
    const info = await ildcp.fetch(alice.sendData.bind(alice))
    assert.deepStrictEqual(info, { clientAddress: 'test.hub.alice', assetScale: 6, assetCode: 'EUR' }, way)
    await alice.disconnect()
  }
}
