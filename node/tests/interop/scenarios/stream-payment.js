'use strict'
const assert = require('assert')
const { chain, as } = require('../lib/topologies')
const stream = require('../lib/stream')

exports.proves = 'a STREAM payment of 1,000,000 in 100 packets or more crosses three nodes and every unit arrives'

const TOTAL = '1000000'

exports.run = async t => {
  const { a, c } = await chain(t)
  const alice = await t.attach(a, as('alice'))
  const bob = await t.attach(c, as('bob'))
  const { near, far } = await stream.connect(alice, bob, { maximumPacketAmount: '10000' })
  assert.strictEqual(near.sourceAccount, 'test.a.alice')
  assert(near.destinationAccount.startsWith('test.c.bob.'), near.destinationAccount)

  const accepted = stream.accept(far, TOTAL)
  const payment = near.createStream()
  await payment.sendTotal(TOTAL)

  assert.strictEqual((await accepted).totalReceived, TOTAL)
  assert.strictEqual(far.totalReceived, TOTAL)
  assert.strictEqual(near.totalSent, TOTAL)
  assert.strictEqual(near.totalDelivered, TOTAL)
  await near.end()
}
