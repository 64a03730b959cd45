'use strict'
// A STREAM connection between two plugins that are attached to nodes.

const stream = require('ilp-protocol-stream')
const { next } = require('./wait')

/** Opens a connection from the plugin `from` to the plugin `to`: its near and its far end. */
async function connect (from, to, options = {}) {
  const server = await stream.createServer({ plugin: to })
  const accepted = next(server, 'connection')
  const near = await stream.createConnection({ plugin: from, ...server.generateAddressAndSecret(), slippage: 0, ...options })
  return { near, far: await accepted }
}

/** The far end of the next stream that the near end opens, ready to take `receiveMax`. */
async function accept (far, receiveMax) {
  const accepted = await next(far, 'stream')
  accepted.setReceiveMax(receiveMax)
  return accepted
}

module.exports = { connect, accept }
