// The one place that knows the npm package `consul`. Every call has a deadline, a limit for its answer and a signal to give
// it up, and fails with a `ConsulFailure`. The package's types leave out most of what is used here; see `Raw`.
import { EventEmitter } from 'node:events';
import * as http from 'node:http';
import * as https from 'node:https';
import Consul from 'consul';
import { boundResponse } from './bounded-response.ts';
import { ConsulFailure, toConsulFailure } from './consul-failure.ts';

/** Where a Consul is and how to speak to it. */
export interface ConsulClientOptions {
  /** `http://HOST:8500`; a path before `/v1` is kept. */
  readonly url: string;
  readonly token?: string;
  /** For `https:`; left out: the system's certificates, and none of its own. */
  readonly tls?: ConsulTls;
  /** How long a call may take, apart from the time that a blocking query was asked to wait; default 2 s. */
  readonly callMs?: number;
  /** The largest answer in bytes; default 16 MiB. */
  readonly maxAnswerBytes?: number;
}

/** How to speak TLS with Consul; certificates and key as PEM. */
export interface ConsulTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

/** A service as registered with the local Consul. */
export interface ConsulService {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly address?: string;
  readonly port?: number;
  /** Without an update for this long the service counts as dead. */
  readonly ttlMs: number;
}

/** Which services to list. With `index`, Consul answers when something newer is there, after `waitMs` at the latest. */
export interface ConsulServiceQuery {
  readonly service: string;
  readonly datacenter: string;
  readonly index?: string;
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** An answer, not yet looked at, and the index to ask on from. */
export interface ConsulAnswer {
  readonly body: unknown;
  readonly index: string | undefined;
  /** False when the answering server has lost touch with its leader. */
  readonly hasLeader: boolean;
  /** True when Consul says that the token does not let it show everything (from 1.11 on). */
  readonly isFiltered: boolean;
}

/** A client of one Consul. Closing breaks off all calls. */
export class ConsulClient {
  readonly #raw: Raw;
  readonly #callMs: number;
  readonly #agent: http.Agent;
  readonly #tokenHeader: Readonly<Record<string, string>>;
  readonly #calls = new Set<Context>();
  #isClosed = false;

  constructor(options: ConsulClientOptions) {
    const { url, token, tls, callMs = 2_000, maxAnswerBytes = 16 * 1024 * 1024 } = options;
    this.#callMs = callMs;
    const settings = { keepAlive: true, maxSockets: 64, maxFreeSockets: 4 };
    const isSecure = /^https:/i.test(url);
    this.#agent = isSecure ? new https.Agent({ ...settings, ...tls }) : new http.Agent(settings);
    const raw = {
      baseUrl: `${url.replace(/\/+$/, '')}/v1`,
      agent: this.#agent,
      ...(token === undefined ? {} : { defaults: { token } }),
    };
    this.#raw = new Consul(raw) as unknown as Raw;
    const { request } = isSecure ? https : http;
    this.#raw._ext('onRequest', (call, next) => {
      call.transport = {
        request: (target) => {
          const sent = request(target);
          boundResponse(sent, maxAnswerBytes);
          return sent;
        },
      };
      next();
    });
    this.#tokenHeader = token === undefined ? {} : { 'x-consul-token': token };
  }

  async register(service: ConsulService): Promise<void> {
    const { ttlMs, ...rest } = service;
    const check = {
      name: 'heartbeat',
      ttl: `${ttlMs}ms`,
      status: 'passing',
      // The least that Consul takes; it only tidies up, since a service that fails its check is not listed as alive.
      deregistercriticalserviceafter: '1m',
    };
    await this.#call('register service', (common) =>
      this.#raw.agent.service.register({ ...rest, ...common, check }),
    );
  }

  async deregister(id: string): Promise<void> {
    await this.#call('deregister service', (common) => this.#raw.agent.service.deregister({ id, ...common }));
  }

  /** Renews the TTL check of a service. Rejects with `unknown` when Consul has forgotten it. */
  async pass(serviceId: string): Promise<void> {
    const id = `service:${serviceId}`;
    await this.#call('renew check', (common) => this.#raw.agent.check.pass({ id, ...common }));
  }

  /** The instances of a service with all their checks; any server may answer. */
  async services(query: ConsulServiceQuery): Promise<ConsulAnswer> {
    const { service, datacenter, index, waitMs = 0, signal } = query;
    const blocking = index === undefined ? {} : { index, wait: `${waitMs}ms` };
    // Consul adds up to a sixteenth to a wait, so that not all come back at once.
    const timeout = this.#callMs + (index === undefined ? 0 : waitMs * (17 / 16));
    return await this.#call(
      'list services',
      (common) =>
        this.#raw.health.service({ service, dc: datacenter, stale: true, ...blocking, ...common, timeout }),
      signal,
    );
  }

  /** The names of all datacenters. */
  async datacenters(): Promise<ConsulAnswer> {
    return await this.#get('list datacenters', '/catalog/datacenters');
  }

  /** The network coordinates of a datacenter's machines. */
  async nodeCoordinates(datacenter: string): Promise<ConsulAnswer> {
    return await this.#get('read coordinates', '/coordinate/nodes', { dc: datacenter, stale: '1' });
  }

  /** The network coordinates of every datacenter's servers among each other. */
  async datacenterCoordinates(): Promise<ConsulAnswer> {
    return await this.#get('read coordinates of datacenters', '/coordinate/datacenters');
  }

  close(): void {
    this.#isClosed = true;
    for (const context of this.#calls) context.emit('cancel');
    this.#agent.destroy();
  }

  async #get(operation: string, path: string, query: Record<string, string> = {}): Promise<ConsulAnswer> {
    const headers = { ...this.#tokenHeader };
    return await this.#call(operation, (common) =>
      this.#raw._get({ name: operation, path, query, headers, ...common }, answerWithResponse),
    );
  }

  async #call(
    operation: string,
    run: (common: Common) => Promise<unknown>,
    signal?: AbortSignal,
  ): Promise<ConsulAnswer> {
    if (this.#isClosed || signal?.aborted === true) {
      throw new ConsulFailure('unreachable', operation, { said: 'given up' });
    }
    const context: Context = Object.assign(new EventEmitter(), { includeResponse: true as const });
    const giveUp = (): void => void context.emit('cancel');
    signal?.addEventListener('abort', giveUp);
    this.#calls.add(context);
    try {
      return toAnswer(await run({ ctx: context, timeout: this.#callMs }));
    } catch (caught) {
      throw toConsulFailure(operation, caught);
    } finally {
      this.#calls.delete(context);
      signal?.removeEventListener('abort', giveUp);
    }
  }
}

type Context = EventEmitter & { readonly includeResponse: true };

/** What every call gets: `ctx` gives it up on `cancel` and asks for the response beside the body. */
interface Common {
  readonly ctx: Context;
  readonly timeout: number;
}

interface RawCall {
  err?: Error;
  readonly res: http.IncomingMessage & { body?: unknown };
  transport: { request(target: http.RequestOptions): http.ClientRequest };
}

type Next = (isDone?: false, failure?: Error, value?: unknown) => void;

/** The package's client as far as it is used, with what its types leave out. */
interface Raw {
  readonly agent: {
    readonly service: {
      register(options: object): Promise<unknown>;
      deregister(options: object): Promise<unknown>;
    };
    readonly check: { pass(options: object): Promise<unknown> };
  };
  readonly health: { service(options: object): Promise<unknown> };
  _get(options: object, finish: (call: RawCall, next: Next) => void): Promise<unknown>;
  _ext(event: 'onRequest', run: (call: RawCall, next: Next) => void): void;
}

function answerWithResponse(call: RawCall, next: Next): void {
  if (call.err === undefined) next(false, undefined, [call.res, call.res.body]);
  else next(false, Object.assign(call.err, { response: call.res }));
}

function toAnswer(result: unknown): ConsulAnswer {
  const [response, body] = result as [http.IncomingMessage, unknown];
  const index = response.headers['x-consul-index'];
  return {
    body,
    index: typeof index === 'string' ? index : undefined,
    hasLeader: response.headers['x-consul-knownleader'] !== 'false',
    isFiltered: response.headers['x-consul-results-filtered-by-acls'] === 'true',
  };
}
