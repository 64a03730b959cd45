'use strict'
// ILP packets as a sender and a receiver handle them. As in STREAM, the receiver derives a packet's fulfillment
// from the packet's data, so an answer that went to the wrong request cannot pass for the right one.

const assert = require('assert')
const crypto = require('crypto')
const ilp = require('ilp-packet')

const sha256 = bytes => crypto.createHash('sha256').update(bytes).digest()
const fulfillmentFor = data => crypto.createHmac('sha256', 'interop').update(data).digest()

/** A PREPARE that `fulfill` below can fulfil. */
function prepare ({ destination, amount = '100', data = crypto.randomBytes(16), lifetime = 10000 }) {
  return { amount, destination, data, executionCondition: sha256(fulfillmentFor(data)), expiresAt: new Date(Date.now() + lifetime) }
}

/** Sends a PREPARE over a plugin; the parsed FULFILL or REJECT that comes back. */
async function send (plugin, packet) {
  return ilp.deserializeIlpReply(await plugin.sendData(ilp.serializeIlpPrepare(packet)))
}

/** A data handler that fulfils what it gets and answers with `data(prepare)`; remembers what it saw in `seen`. */
function fulfiller ({ data = () => Buffer.alloc(0), seen = [] } = {}) {
  return async bytes => {
    const packet = ilp.deserializeIlpPrepare(bytes)
    seen.push(packet)
    return ilp.serializeIlpFulfill({ fulfillment: fulfillmentFor(packet.data), data: data(packet) })
  }
}

/** A data handler that rejects everything in the same way. */
const rejecter = reject => async () => ilp.serializeIlpReject(reject)

function assertFulfilled (packet, reply) {
  assert(ilp.isFulfill(reply), `expected a FULFILL, got ${reply.code} ${reply.message} from ${reply.triggeredBy}`)
  assert.deepStrictEqual(sha256(reply.fulfillment), packet.executionCondition, 'the fulfillment is the preimage of the condition')
}

function assertRejected (reply, { code, triggeredBy }) {
  assert(ilp.isReject(reply), `expected a REJECT ${code}, got a FULFILL`)
  assert.strictEqual(`${reply.code} by ${reply.triggeredBy}`, `${code} by ${triggeredBy}`, reply.message)
}

module.exports = { prepare, send, fulfiller, rejecter, fulfillmentFor, assertFulfilled, assertRejected }
