'use strict'
// ilp-plugin-btp in its two roles.

const { once } = require('events')
const http = require('http')
const BtpPlugin = require('ilp-plugin-btp')

// The plugin waits 35 s for an answer by default. Ours must be faster than any scenario's limit.
const RESPONSE_MS = 8000

/**
 * The plugin as a client. `user`, `token` and `path` make up its URL; what is percent-encoded there goes over the
 * wire as it is, so a token with other characters is given as `options.btpToken`.
 */
function client ({ port, user = '', token = '', path = '', options = {} }) {
  return new BtpPlugin({ server: `btp+ws://${user}:${token}@127.0.0.1:${port}${path}`, responseTimeout: RESPONSE_MS, ...options })
}

class ListeningPlugin extends BtpPlugin {
  async _connect (auth) { this.auth = auth }
}

/** The plugin as a server: one peer, one secret. */
class Server {
  constructor ({ secret, port = 0 }) {
    this.dials = 0
    this.http = http.createServer().on('upgrade', () => { this.dials++ })
    this.plugin = new ListeningPlugin({ listener: { secret, port, wsOpts: { server: this.http } }, responseTimeout: RESPONSE_MS })
  }

  /** Listens. `connected` settles when the first peer has authenticated, or has failed to. */
  async listen () {
    const listening = once(this.http, 'listening')
    this.connected = this.plugin.connect()
    this.connected.catch(() => {}) // seen by whoever waits for it
    await listening
    this.port = this.http.address().port
    return this
  }

  get url () { return `ws://127.0.0.1:${this.port}` }

  /** The sub-protocols of the first auth frame that was right. */
  get auth () { return this.plugin.auth }

  async close () {
    const closed = this.http.listening && once(this.http, 'close')
    await this.plugin.disconnect()
    await closed
  }
}

module.exports = { client, Server }
