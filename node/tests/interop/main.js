'use strict'
// Runs the scenarios one after the other: a line for each, then 'N passed, M failed'.
// usage: main.js [NAME...]   (only scenarios whose name contains one of these)

const fs = require('fs')
const os = require('os')
const path = require('path')
const { findBinary } = require('./lib/binary')
const { Scenario } = require('./lib/scenario')
const { within } = require('./lib/wait')

const LIMIT_MS = 20000
const LOG_TAIL = 40

// An error that nobody waited for belongs to the scenario that runs when it comes up.
let fail = () => {}
process.on('unhandledRejection', err => fail(err))
process.on('uncaughtException', err => fail(err))

function scenarios (wanted) {
  return fs.readdirSync(path.join(__dirname, 'scenarios')).sort()
    .map(file => ({ name: path.basename(file, '.js'), ...require(`./scenarios/${file}`) }))
    .filter(({ name }) => wanted.length === 0 || wanted.some(part => name.includes(part)))
}

async function runOne ({ run }, setup) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ilp-interop-'))
  const scenario = new Scenario({ ...setup, dir })
  const stray = new Promise((resolve, reject) => { fail = reject })
  let error
  try {
    await within(LIMIT_MS, 'the scenario to end', Promise.race([run(scenario), stray]))
  } catch (err) {
    error = err
  }
  try {
    await Promise.race([scenario.close(), stray])
  } catch (err) {
    error = error || err
  }
  await scenario.kill()
  fs.rmSync(dir, { recursive: true })
  return { error, nodes: scenario.nodes }
}

function explain ({ error, nodes }) {
  const indent = text => text.replace(/^/gm, '    ')
  console.log(indent(error && error.stack ? error.stack : String(error)))
  for (const node of nodes) {
    console.log(indent(`--- ${node.id}: last ${Math.min(LOG_TAIL, node.log.length)} of ${node.log.length} log lines`))
    if (node.log.length > 0) console.log(indent(node.log.slice(-LOG_TAIL).join('\n')))
  }
}

async function main () {
  const binary = findBinary()
  const runtime = process.env.INTEROP_RUNTIME
  console.log(`interop: ${binary}${runtime ? ` on ${runtime}` : ''}, plugins on Node ${process.version}`)

  let passed = 0
  let failed = 0
  for (const scenario of scenarios(process.argv.slice(2))) {
    const start = Date.now()
    const result = await runOne(scenario, { binary, runtime })
    const seconds = ((Date.now() - start) / 1000).toFixed(1)
    console.log(`${result.error ? 'FAIL' : 'ok  '} ${scenario.name} (${seconds} s): ${scenario.proves}`)
    if (result.error) {
      failed++
      explain(result)
    } else {
      passed++
    }
  }
  console.log(`${passed} passed, ${failed} failed`)
  process.exit(failed > 0 || passed === 0 ? 1 : 0)
}

main().catch(err => {
  console.error(`interop: ${err.message}`)
  process.exit(1)
})
