'use strict'
// Waiting for things that happen, never for time to pass: every wait ends with its event or with an error
// that says what did not happen.

/** Settles as `promise` does, or rejects after `ms` naming `what`. */
function within (ms, what, promise) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** The next `event` of an emitter. */
function next (emitter, event, ms = 10000) {
  return within(ms, `'${event}'`, new Promise(resolve => emitter.once(event, resolve)))
}

/** For what can only be asked, such as an HTTP status: asks until the answer is truthy. */
async function until (what, ask, ms = 10000) {
  const deadline = Date.now() + ms
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

module.exports = { within, next, until }
