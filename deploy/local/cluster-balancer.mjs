// The one address of publishers: a TCP load balancer over the origins. An origin gets new connections while its /readyz
// says so. One that says no keeps what it has; one that says nothing for a while loses it, so that encoders come back.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const checkIntervalMs = 500;
const checkTimeoutMs = 1000;
const connectTimeoutMs = 1000;
const silenceMs = 3000;

/**
 * @typedef {object} Target
 * @property {string} name
 * @property {string} host
 * @property {number} port
 * @property {string} readyUrl answers 200 while connections are welcome
 */

/** @typedef {'ready' | 'refusing' | 'silent'} Health */

/**
 * @typedef {object} Backend
 * @property {Target} target
 * @property {Health} health
 * @property {number} heardAtMs when it last answered a check
 * @property {Set<import('node:net').Socket>} clients
 */

/** Listens on one port and passes each connection to the next ready target. */
export class Balancer {
  /** @readonly @type {Backend[]} */
  #backends;
  /** @readonly */
  #address;
  #next = 0;
  /** @readonly */
  #stopped = new AbortController();
  /** @readonly */
  #server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    void this.#place(client);
  });

  /** @param {{ host: string, port: number, targets: readonly Target[] }} options */
  constructor({ host, port, targets }) {
    this.#address = { host, port };
    this.#backends = targets.map((target) => ({
      target,
      health: 'silent',
      heardAtMs: performance.now(),
      clients: new Set(),
    }));
  }

  /** Names of the targets that get new connections now. */
  get readyNames() {
    return this.#backends.filter(({ health }) => health === 'ready').map(({ target }) => target.name);
  }

  /** Resolves when every target was checked once and connections are accepted. */
  async start() {
    await Promise.all(this.#backends.map((backend) => this.#check(backend)));
    for (const backend of this.#backends) void this.#watch(backend);
    this.#server.listen(this.#address.port, this.#address.host);
    await once(this.#server, 'listening');
  }

  /** Accepts nobody any more and cuts everybody. */
  stop() {
    this.#stopped.abort();
    this.#server.close();
    for (const backend of this.#backends) cutAll(backend);
  }

  /** @param {Backend} backend */
  async #watch(backend) {
    const { signal } = this.#stopped;
    for (;;) {
      const isStopped = await delay(checkIntervalMs, false, { signal }).catch(() => true);
      if (isStopped) return;
      await this.#check(backend);
    }
  }

  /** @param {Backend} backend */
  async #check(backend) {
    // A signal made of others may be collected before it is due (Node 20), and a check of what stands still never ends.
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), checkTimeoutMs);
    try {
      const response = await fetch(backend.target.readyUrl, { signal: giveUp.signal });
      await response.arrayBuffer();
      backend.health = response.ok ? 'ready' : 'refusing';
      backend.heardAtMs = performance.now();
    } catch {
      backend.health = 'silent';
      if (performance.now() - backend.heardAtMs > silenceMs) cutAll(backend);
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param {import('node:net').Socket} client */
  async #place(client) {
    client.on('error', () => client.destroy());
    for (const backend of this.#candidates()) {
      const upstream = await connected(backend.target);
      if (upstream === undefined) {
        backend.health = 'silent';
        continue;
      }
      if (client.destroyed || this.#stopped.signal.aborted) {
        client.destroy();
        upstream.destroy();
        return;
      }
      backend.clients.add(client);
      client.on('close', () => backend.clients.delete(client));
      join(client, upstream);
      return;
    }
    client.resetAndDestroy();
  }

  #candidates() {
    const ready = this.#backends.filter(({ health }) => health === 'ready');
    const first = this.#next++ % Math.max(ready.length, 1);
    return [...ready.slice(first), ...ready.slice(0, first)];
  }
}

/** @param {Backend} backend */
function cutAll({ clients }) {
  for (const client of clients) client.resetAndDestroy();
}

/**
 * @param {Target} target
 * @returns {Promise<import('node:net').Socket | undefined>} undefined when it does not accept in time
 */
async function connected({ host, port }) {
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(connectTimeoutMs) });
    return socket;
  } catch {
    // An aborted wait leaves the socket trying: its late failure is nobody's.
    socket.on('error', () => undefined).destroy();
    return undefined;
  }
}

/**
 * Bytes both ways, with back pressure; an end is an end, and a reset a reset, on the other side as well.
 * @param {import('node:net').Socket} one
 * @param {import('node:net').Socket} other
 */
function join(one, other) {
  for (const [from, to] of /** @type {const} */ ([
    [one, other],
    [other, one],
  ])) {
    from.pipe(to);
    from.on('error', () => to.resetAndDestroy());
    from.on('close', (hadError) => {
      if (hadError || !from.readableEnded) to.resetAndDestroy();
      else to.destroySoon();
    });
  }
}
