'use strict'
const assert = require('assert')
const crypto = require('crypto')
const { chain, as } = require('../lib/topologies')
const { next } = require('../lib/wait')
const stream = require('../lib/stream')

exports.proves = 'money and data flow both ways on one STREAM connection across three nodes'

// The first `size` bytes. Not until the end: a STREAM stream that ends sends no more money either.
async function read (source, size) {
  const parts = []
  for (let got = 0; got < size;) {
    const part = source.read()
    if (part === null) {
      await next(source, 'readable')
    } else {
      parts.push(part)
      got += part.length
    }
  }
  return Buffer.concat(parts)
}

exports.run = async t => {
  const { a, c } = await chain(t)
  const alice = await t.attach(a, as('alice'))
  const bob = await t.attach(c, as('bob'))
  const { near, far } = await stream.connect(alice, bob, { maximumPacketAmount: '1000' })
  const question = crypto.randomBytes(100000)
  const answer = crypto.randomBytes(100000)

  const accepted = stream.accept(far, '50000')
  const here = near.createStream()
  here.setReceiveMax('20000')
  here.write(question)
  const there = await accepted
  there.write(answer)
  const [fromThere, fromHere] = await Promise.all([
    read(here, answer.length),
    read(there, question.length),
    here.sendTotal('50000'),
    there.sendTotal('20000')
  ])

  assert(fromHere.equals(question))
  assert(fromThere.equals(answer))
  assert.deepStrictEqual([there.totalReceived, here.totalReceived], ['50000', '20000'])
  await near.end()
}
