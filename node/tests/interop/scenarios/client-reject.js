'use strict'
const assert = require('assert')
const { hub, as } = require('../lib/topologies')
const { prepare, send, rejecter } = require('../lib/packets')

exports.proves = "a client's own REJECT is relayed as it is"

exports.run = async t => {
  const node = await hub(t)
  const alice = await t.attach(node, as('alice'))
  const bob = await t.attach(node, as('bob'))
  const reject = { code: 'F99', triggeredBy: 'test.hub.bob', message: 'nein, danke – 不要', data: Buffer.from([0, 255, 12, 13, 14]) }
  bob.registerDataHandler(rejecter(reject))

  assert.deepStrictEqual(await send(alice, prepare({ destination: 'test.hub.bob' })), reject)
}
