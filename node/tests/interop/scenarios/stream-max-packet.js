'use strict'
const assert = require('assert')
const { chain, as } = require('../lib/topologies')
const stream = require('../lib/stream')

exports.proves = 'STREAM finds out from the F08 of the middle node how much a packet may carry'

const TOTAL = '1000000'

exports.run = async t => {
  const { a, c } = await chain(t, { maxPacketAmount: 25000 })
  const alice = await t.attach(a, as('alice'))
  const bob = await t.attach(c, as('bob'))
  const { near, far } = await stream.connect(alice, bob)

  const accepted = stream.accept(far, TOTAL)
  await near.createStream().sendTotal(TOTAL)

  assert.strictEqual((await accepted).totalReceived, TOTAL)
  assert.strictEqual(near.totalDelivered, TOTAL)
  await near.end()
}
