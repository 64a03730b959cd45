'use strict'
// Finds the ilp-connector binary to test.

const { execFileSync } = require('child_process')
const fs = require('fs')
const path = require('path')

/** ILP_CONNECTOR_BIN, else the newest of cargo's debug and release builds. */
function findBinary () {
  const given = process.env.ILP_CONNECTOR_BIN
  if (given) {
    fs.accessSync(given, fs.constants.X_OK)
    return path.resolve(given)
  }
  const metadata = execFileSync('cargo', ['metadata', '--no-deps', '--format-version', '1'], { cwd: __dirname, maxBuffer: 1 << 26 })
  const target = JSON.parse(metadata).target_directory
  const built = ['debug', 'release']
    .map(profile => path.join(target, profile, 'ilp-connector'))
    .filter(file => fs.existsSync(file))
    .sort((a, b) => fs.statSync(b).mtimeMs - fs.statSync(a).mtimeMs)
  if (built.length === 0) throw new Error(`no ilp-connector in ${target}: run 'cargo build' first, or set ILP_CONNECTOR_BIN`)
  return built[0]
}

module.exports = { findBinary }
