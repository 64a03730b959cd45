'use strict'
// Just enough YAML to write a node's configuration the way people write it: scalars, and lists of flat maps.

const scalar = value => JSON.stringify(value) // a JSON scalar is a YAML scalar

function toYaml (config) {
  const lines = []
  for (const [key, value] of Object.entries(config)) {
    if (!Array.isArray(value)) {
      lines.push(`${key}: ${scalar(value)}`)
    } else if (value.length > 0) {
      lines.push(`${key}:`)
      for (const item of value) {
        Object.entries(item).forEach(([k, v], i) => lines.push(`${i === 0 ? '  - ' : '    '}${k}: ${scalar(v)}`))
      }
    }
  }
  return lines.join('\n') + '\n'
}

module.exports = { toYaml }
