'use strict'
// What a scenario is given: a way to start nodes and plugins that are sure to be stopped when it ends.

const { Connector } = require('./connector')
const { client, Server } = require('./plugins')
const { within } = require('./wait')

class Scenario {
  constructor ({ binary, runtime, dir }) {
    this.node_ = { binary, runtime, dir }
    this.nodes = []
    this.plugins = []
  }

  /** Starts a node. */
  async node (config) {
    const node = new Connector({ ...this.node_, config })
    this.nodes.push(node)
    return node.start()
  }

  /** Attaches the plugin to `node` as a client, with `user`, `token` and so on, until it is authenticated. */
  async attach (node, options) {
    const plugin = this.detached(node, options)
    await within(5000, `${options.user || 'the client'} to connect`, plugin.connect())
    return plugin
  }

  /** As `attach`, but does not connect. */
  detached (node, options) {
    const plugin = client({ port: node.port, ...options })
    this.plugins.push(plugin)
    return plugin
  }

  /** Starts the plugin as a server. */
  async server (options) {
    const server = new Server(options)
    this.plugins.push(server.plugin)
    return server.listen()
  }

  /** Stops everything. Every node must still run and must end with exit code 0. */
  async close () {
    await Promise.all(this.plugins.map(plugin => plugin.disconnect().catch(() => {})))
    const died = this.nodes.filter(node => !node.running).map(node => node.id)
    await Promise.all(this.nodes.filter(node => node.running).map(node => node.stop()))
    if (died.length > 0) throw new Error(`no longer running at the end: ${died.join(', ')}`)
  }

  /** The last resort, when something went wrong. */
  async kill () {
    await Promise.all(this.nodes.filter(node => node.running).map(node => node.kill()))
  }
}

module.exports = { Scenario }
