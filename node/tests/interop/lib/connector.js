'use strict'
// One ilp-connector process: writes its configuration, starts it, finds out where it listens, stops it.

const { spawn } = require('child_process')
const { EventEmitter, once } = require('events')
const fs = require('fs')
const http = require('http')
const path = require('path')
const readline = require('readline')
const { within, until } = require('./wait')
const { toYaml } = require('./yaml')

const START_MS = 10000
const STOP_MS = 12000 // the node itself gives packets in flight 8 s

class Connector {
  /** `config` is a node's configuration; ports left out are chosen by the OS and kept over a restart. */
  constructor ({ binary, runtime, dir, config }) {
    this.binary = binary
    this.runtime = runtime
    this.config = { btpServerHost: '127.0.0.1', btpServerPort: 0, healthCheckHost: '127.0.0.1', healthCheckPort: 0, logPackets: true, ...config }
    this.id = config.nodeId
    this.file = path.join(dir, `${this.id}.yaml`)
    this.log = []
    this.events = new EventEmitter()
    this.child = null
  }

  async start () {
    fs.writeFileSync(this.file, toYaml(this.config))
    const runtime = this.runtime ? ['--runtime', this.runtime] : []
    // A clean environment: the caller's NODE_ID or LOG_LEVEL must not reach the node.
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, RUST_BACKTRACE: '1' }
    const child = spawn(this.binary, ['run', ...runtime, '--config', this.file], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.child = child
    this.exited = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    this.exited.catch(() => {}) // seen by whoever waits for it
    readline.createInterface({ input: child.stdout }).on('line', line => this._line(line))
    readline.createInterface({ input: child.stderr }).on('line', line => this._line(line))

    const died = this.exited.then(({ code, signal }) => { throw new Error(`${this.id} ended at start: code ${code}, signal ${signal}`) })
    const [listening] = await within(START_MS, `${this.id} to listen`, Promise.race([once(this.events, 'connector_listening'), died]))
    this.config.btpServerPort = portOf(listening.btpAddress)
    this.config.healthCheckPort = portOf(listening.healthAddress)
    return this
  }

  _line (line) {
    this.log.push(line)
    try {
      const entry = JSON.parse(line)
      if (entry.event) this.events.emit(entry.event, entry)
    } catch (err) {
      // not a JSON line: a panic, say. It is in the log all the same.
    }
  }

  get port () { return this.config.btpServerPort }
  get url () { return `ws://127.0.0.1:${this.port}` }

  /** The HTTP status and JSON body of /health. */
  health () {
    return new Promise((resolve, reject) => {
      http.get({ host: '127.0.0.1', port: this.config.healthCheckPort, path: '/health', agent: false }, res => {
        let body = ''
        res.setEncoding('utf8').on('data', part => { body += part }).on('end', () => resolve({ status: res.statusCode, body }))
      }).on('error', reject)
    })
  }

  /** Waits until every peer that this node dials is up. */
  async healthy (ms = START_MS) {
    await until(`${this.id} to be healthy`, async () => (await this.health()).status === 200, ms)
    return this
  }

  get running () { return this.child !== null && this.child.exitCode === null && this.child.signalCode === null }

  /** Ends the process as an operator would. Anything but a clean exit is an error. */
  async stop () {
    this.child.kill('SIGTERM')
    const { code, signal } = await within(STOP_MS, `${this.id} to stop`, this.exited)
    if (code !== 0) throw new Error(`${this.id} ended with code ${code}, signal ${signal}`)
  }

  /** Ends the process as a power cut would. */
  async kill () {
    this.child.kill('SIGKILL')
    await this.exited
  }
}

const portOf = address => Number(/:(\d+)$/.exec(address)[1])

module.exports = { Connector }
