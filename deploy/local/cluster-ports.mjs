// Which ports the local cluster uses: the documented ones, a row from a given port on, or whatever is free.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { documentedPlan, host, portsOf, withPorts } from './cluster-plan.mjs';
import { StepFailed, say } from './step.mjs';

/** Where the search for a free row begins when a documented port is taken, and how far it goes. */
const fallback = { from: 21_000, to: 29_000, step: 100 };

/**
 * The plan on ports that are free now. Throws `StepFailed` when a port that was asked for is taken.
 * @param {number | undefined} basePort the first port of a row; 0 for any free ports; undefined for the documented ones
 * @returns {Promise<import('./cluster-plan.mjs').Plan>}
 */
export async function planOnFreePorts(basePort) {
  if (basePort === 0) return onAnyPorts();
  const wanted = basePort === undefined ? documentedPlan : inRow(basePort);
  const taken = await firstTaken(portsOf(wanted));
  if (taken === undefined) return wanted;
  if (basePort !== undefined) {
    throw new StepFailed(`port ${taken} is taken; choose another row of ports with --base-port`);
  }
  for (let first = fallback.from; first < fallback.to; first += fallback.step) {
    const plan = inRow(first);
    if ((await firstTaken(portsOf(plan))) !== undefined) continue;
    say(`port ${taken} is taken: using ports from ${first} on`);
    return plan;
  }
  throw new StepFailed(`port ${taken} is taken, and so are the others; choose a row with --base-port`);
}

/** @param {number} first */
function inRow(first) {
  const order = portsOf(documentedPlan);
  return withPorts(documentedPlan, (port) => first + order.indexOf(port));
}

async function onAnyPorts() {
  const order = portsOf(documentedPlan);
  // All are held open until the last one is known, so that none is given twice.
  const servers = await Promise.all(order.map(() => listenOn(0)));
  const found = new Map(order.map((port, index) => [port, portOf(servers[index])]));
  await Promise.all(servers.map(closed));
  return withPorts(documentedPlan, (port) => found.get(port) ?? 0);
}

/**
 * @param {number[]} ports
 * @returns {Promise<number | undefined>}
 */
async function firstTaken(ports) {
  for (const port of ports) {
    const server = await listenOn(port).catch(() => undefined);
    if (server === undefined) return port;
    await closed(server);
  }
  return undefined;
}

/** @param {number} port */
async function listenOn(port) {
  const server = createServer().listen(port, host);
  await once(server, 'listening');
  return server;
}

/** @param {import('node:net').Server} server */
async function closed(server) {
  server.close();
  await once(server, 'close');
}

/** @param {import('node:net').Server | undefined} server */
function portOf(server) {
  const address = server?.address();
  if (address === null || typeof address !== 'object') {
    throw new Error('a server that listens has an address');
  }
  return address.port;
}
