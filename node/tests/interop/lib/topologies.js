'use strict'
// The networks that scenarios run on.

/** A node's peer entry for the client `id`, and what that client authenticates with. */
const child = id => ({ id, relation: 'child', authToken: `${id}-token` })
const as = id => ({ user: id, token: `${id}-token` })

/** One node, test.hub, with the children alice and bob. More settings may be given. */
function hub (t, config = {}) {
  return t.node({ nodeId: 'hub', ilpAddress: 'test.hub', assetCode: 'EUR', assetScale: 6, ...config, peers: [child('alice'), child('bob'), ...(config.peers || [])] })
}

/** Three nodes in a row, a - b - c, with alice at a and bob at c. `limits` are what b sets for its peer a. */
async function chain (t, limits = {}) {
  const c = await t.node({
    nodeId: 'node-c',
    ilpAddress: 'test.c',
    peers: [{ id: 'node-b', authToken: 'b-c' }, child('bob')],
    routes: [{ prefix: '', nextHop: 'node-b' }]
  })
  const b = await t.node({
    nodeId: 'node-b',
    ilpAddress: 'test.b',
    peers: [{ id: 'node-a', authToken: 'a-b', ...limits }, { id: 'node-c', url: c.url, authToken: 'b-c' }],
    routes: [{ prefix: 'test.a', nextHop: 'node-a' }, { prefix: 'test.c', nextHop: 'node-c' }]
  })
  const a = await t.node({
    nodeId: 'node-a',
    ilpAddress: 'test.a',
    peers: [{ id: 'node-b', url: b.url, authToken: 'a-b' }, child('alice')],
    routes: [{ prefix: '', nextHop: 'node-b' }]
  })
  await Promise.all([a, b, c].map(node => node.healthy()))
  return { a, b, c }
}

module.exports = { child, as, hub, chain }
