// Keeps one connection: dials, dials again with backoff when it is lost, hands it out while it is ready.
import { AppError, toAppError, type Clock, type Logger, type Timer } from '@headwater/contracts';
import type { Redis } from 'ioredis';
import { Backoff } from './backoff.ts';

/** `dialling`: a connection is being made. `ready`: it can be used. `resting`: between two attempts. */
export type LinkState = 'dialling' | 'ready' | 'resting' | 'closed';

/** Which state may follow which. */
export const linkTransitions: Readonly<Record<LinkState, readonly LinkState[]>> = {
  dialling: ['ready', 'resting', 'closed'],
  ready: ['resting', 'closed'],
  resting: ['dialling', 'closed'],
  closed: [],
};

/** What a link is made of. */
export interface RedisLinkOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly dial: () => Promise<Redis>;
  /** Called when a connection could not be made, or was lost. */
  readonly onLost?: (why: unknown) => void;
  /** Called when a connection has become ready. */
  readonly onReady?: () => void;
  /** How many may wait for a connection; default 10,000. */
  readonly maxWaiting?: number;
}

interface Waiting {
  resolve(client: Redis): void;
  reject(error: AppError): void;
}

/** One connection that comes back. Begins to dial when made; `close` is final. */
export class RedisLink {
  readonly #options: RedisLinkOptions;
  readonly #backoff = new Backoff(50, 1_000);
  readonly #waiting = new Set<Waiting>();
  #state: LinkState = 'resting';
  #client: Redis | undefined;
  #timer: Timer | undefined;
  #lastError: AppError | undefined;
  #hasFailed = false;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
    this.#dial();
  }

  get state(): LinkState {
    return this.#state;
  }

  /** True once an attempt failed or a connection was lost. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** The connection, as soon as there is one; rejects with `registry_unavailable` after `limitMs`, or when closed. */
  async ready(limitMs: number): Promise<Redis> {
    if (this.#client !== undefined) return this.#client;
    if (this.#state === 'closed') throw unavailable('registry is closed');
    if (this.#waiting.size >= (this.#options.maxWaiting ?? 10_000)) throw unavailable('too many are waiting');
    return await new Promise<Redis>((resolve, reject) => {
      const timer = this.#options.clock.after(limitMs, () => {
        this.#waiting.delete(entry);
        reject(unavailable('not connected', this.#lastError));
      });
      const entry: Waiting = {
        resolve: (client) => {
          timer.cancel();
          resolve(client);
        },
        reject: (error) => {
          timer.cancel();
          reject(error);
        },
      };
      this.#waiting.add(entry);
    });
  }

  /** Gives up `client`, which no longer leads anywhere good, and dials anew; nothing when that has happened already. */
  drop(client: Redis, why: unknown): void {
    if (this.#client === client) this.#lost(why);
  }

  /** The same for whatever connection there is. */
  dropAny(why: unknown): void {
    if (this.#client !== undefined) this.#lost(why);
  }

  close(): void {
    if (!this.#enter('closed')) return;
    this.#timer?.cancel();
    this.#client?.disconnect();
    this.#client = undefined;
    for (const entry of this.#waiting) entry.reject(unavailable('registry is closed'));
    this.#waiting.clear();
  }

  #dial(): void {
    if (!this.#enter('dialling')) return;
    this.#options.dial().then(
      (client) => {
        this.#connected(client);
      },
      (caught: unknown) => {
        this.#lost(caught);
      },
    );
  }

  #connected(client: Redis): void {
    if (client.status !== 'ready') {
      this.#lost(new Error('connection was lost at once'));
      return;
    }
    if (!this.#enter('ready')) {
      client.disconnect();
      return;
    }
    this.#client = client;
    this.#backoff.reset();
    if (this.#lastError !== undefined) this.#options.logger.debug({}, 'connected to redis again');
    this.#lastError = undefined;
    client.once('end', () => {
      this.drop(client, new Error('connection was closed'));
    });
    this.#options.onReady?.();
    for (const entry of this.#waiting) entry.resolve(client);
    this.#waiting.clear();
  }

  #lost(why: unknown): void {
    if (!this.#enter('resting')) return;
    this.#hasFailed = true;
    this.#client?.disconnect();
    this.#client = undefined;
    if (this.#lastError === undefined) this.#options.logger.debug({ err: why }, 'no connection to redis');
    this.#options.onLost?.(why);
    this.#lastError = toAppError(why);
    this.#timer = this.#options.clock.after(this.#backoff.nextMs(), () => {
      this.#dial();
    });
  }

  #enter(next: LinkState): boolean {
    if (!linkTransitions[this.#state].includes(next)) return false;
    this.#state = next;
    return true;
  }
}

function unavailable(why: string, cause?: unknown): AppError {
  return new AppError('registry_unavailable', {
    details: { why },
    ...(cause === undefined ? {} : { cause }),
  });
}
