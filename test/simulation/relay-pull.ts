// One pull over the simulated network: a connection, so that what is sent arrives in order, stalls while the way is cut,
// and breaks for each end when the other has not answered for too long. The messages are the real ones.
import { AppError, type CloseReason } from '@headwater/contracts';
import type { Sink } from '@headwater/media';
import {
  decodePullItem,
  encodeEndedItem,
  encodeOpenedItem,
  encodeStateItem,
  type OpenedInfo,
  type Pull,
  type PullCall,
  type PulledState,
  type PullHandler,
  type PullRequest,
  type RelaySource,
} from '@headwater/relay';
import type { SimulatedNetwork } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import { keepaliveMs } from './settings.ts';

const openingMs = 3_000;

/** A process that answers pulls. */
export interface RelayServing {
  readonly process: SimulatedProcess;
  readonly source: RelaySource;
}

/** What a pull is made of. */
export interface SimulatedPullOptions {
  readonly client: SimulatedProcess;
  readonly network: SimulatedNetwork;
  /** Who listens at the address when the call arrives there. */
  readonly dial: () => RelayServing | undefined;
  readonly serverName: string;
  readonly request: PullRequest;
  readonly handler: PullHandler;
  readonly over: (pull: SimulatedPull) => void;
}

type Item = Buffer | AppError;

/** Both ends of one pull. */
export class SimulatedPull implements Pull {
  readonly #options: SimulatedPullOptions;
  readonly #held: Item[] = [];
  #phase: 'opening' | 'open' | 'closed' = 'opening';
  #epoch = 0;
  #server: ServerEnd | undefined;
  #lastArrivalMs = 0;
  #lastArrivalBackMs = 0;

  constructor(options: SimulatedPullOptions) {
    this.#options = options;
    const { client, network, serverName } = options;
    client.after(openingMs, () => {
      if (this.#phase === 'opening') this.#fail('no answer');
    });
    client.onDeath.add(this.#clientDied);
    if (network.loses(client.name, serverName)) return;
    // Not a timer of the client's: what was sent arrives, whatever becomes of the sender.
    this.#toServer(() => {
      this.#arrive();
    });
  }

  close(): void {
    if (!this.#finish()) return;
    this.#hangUp();
  }

  /** The way may be free again: what was held goes on. */
  wake(): void {
    const { network, client, serverName } = this.#options;
    if (this.#held.length === 0 || network.isCut(serverName, client.name)) return;
    for (const item of this.#held.splice(0)) this.#send(item);
  }

  /** The other end may not answer: after a while, if that is still so, each end gives up. */
  suspect(): void {
    const { client } = this.#options;
    const server = this.#server?.process;
    const suspectedMs = client.nowMs();
    client.after(keepaliveMs, () => {
      if (this.#isMute(server, suspectedMs)) this.#fail('keepalive');
    });
    server?.after(keepaliveMs, () => {
      if (this.#isMute(client, suspectedMs)) this.#server?.broke();
    });
  }

  /** Whether it goes between these two. */
  isBetween(a: string, b: string): boolean {
    const { client, serverName } = this.#options;
    return (client.name === a && serverName === b) || (client.name === b && serverName === a);
  }

  isOf(process: SimulatedProcess): boolean {
    return this.#options.client === process || this.#server?.process === process;
  }

  readonly #clientDied = (): void => {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#options.over(this);
    this.#hangUp();
  };

  readonly #serverDied = (): void => {
    if (this.#phase === 'closed') return;
    const { client, network, serverName } = this.#options;
    if (network.isCut(serverName, client.name)) this.suspect();
    else this.#send(this.#error('connection reset'));
  };

  #isMute(other: SimulatedProcess | undefined, suspectedMs: number): boolean {
    const { client, network, serverName } = this.#options;
    if (network.isCut(client.name, serverName) || network.isCut(serverName, client.name)) return true;
    if (other === undefined) return false;
    return other.state === 'dead' || (other.state === 'frozen' && other.frozenSinceMs <= suspectedMs);
  }

  #arrive(): void {
    const serving = this.#options.dial();
    if (serving === undefined || serving.process.state === 'dead') {
      this.#send(this.#error('connection refused'));
      return;
    }
    const { process, source } = serving;
    const server = new ServerEnd(this.#options.request, process, (item) => {
      this.#send(item);
    });
    this.#server = server;
    process.onDeath.add(this.#serverDied);
    process.deliver(() => {
      if (!server.isClosed) source.open(server);
    });
  }

  /** Towards the client, in order. */
  #send(item: Item): void {
    const { client, network, serverName } = this.#options;
    if (this.#phase === 'closed') return;
    if (this.#held.length > 0 || network.isCut(serverName, client.name)) {
      this.#held.push(item);
      return;
    }
    const nowMs = client.nowMs();
    const resentMs = network.loses(serverName, client.name) ? 200 : 0;
    this.#lastArrivalMs = Math.max(
      this.#lastArrivalMs,
      nowMs + resentMs + network.delayMs(serverName, client.name),
    );
    client.after(this.#lastArrivalMs - nowMs, () => {
      this.#receive(item);
    });
  }

  #toServer(run: () => void): void {
    const { client, network, serverName } = this.#options;
    const nowMs = client.nowMs();
    const arrivalMs = nowMs + network.delayMs(client.name, serverName);
    this.#lastArrivalBackMs = Math.max(this.#lastArrivalBackMs, arrivalMs);
    client.world(this.#lastArrivalBackMs - nowMs, run);
  }

  #hangUp(): void {
    const { client, network, serverName } = this.#options;
    // Without a way there the server finds out by itself.
    if (network.isCut(client.name, serverName)) {
      this.#server?.process.after(keepaliveMs, () => this.#server?.broke());
      return;
    }
    this.#toServer(() => {
      const server = this.#server;
      server?.process.deliver(() => {
        server.broke();
      });
    });
  }

  #receive(item: Item): void {
    if (this.#phase === 'closed') return;
    if (item instanceof AppError) {
      this.#finish();
      this.#options.handler.failed(item);
      return;
    }
    const decoded = decodePullItem(item);
    if (decoded === undefined) return;
    const { handler } = this.#options;
    if (decoded.type === 'opened') {
      if (decoded.info.epoch < (this.#options.request.minEpoch ?? 0)) {
        this.close();
        handler.failed(new AppError('epoch_stale'));
        return;
      }
      this.#phase = 'open';
      this.#epoch = decoded.info.epoch;
      handler.opened(decoded.info);
    } else if (decoded.type === 'frames') {
      if (decoded.epoch !== undefined && decoded.epoch !== this.#epoch) {
        throw new Error('frames of another epoch');
      }
      if (decoded.frames.length > 0) handler.frames(decoded.frames);
    } else if (decoded.type === 'state') {
      handler.state(decoded.state);
    } else {
      this.#finish();
      handler.ended(decoded.reason);
    }
  }

  #fail(what: string): void {
    if (!this.#finish()) return;
    this.#hangUp();
    this.#options.handler.failed(this.#error(what));
  }

  #finish(): boolean {
    if (this.#phase === 'closed') return false;
    this.#phase = 'closed';
    this.#options.client.onDeath.delete(this.#clientDied);
    this.#server?.process.onDeath.delete(this.#serverDied);
    this.#options.over(this);
    return true;
  }

  #error(what: string): AppError {
    return new AppError('upstream_unavailable', { details: { what } });
  }
}

/** The call as its server has it. */
class ServerEnd implements PullCall {
  readonly request: PullRequest;
  readonly process: SimulatedProcess;
  readonly peer = 'simulated:1';
  readonly sink: Sink;
  readonly #send: (item: Item) => void;
  readonly #listeners: (() => void)[] = [];
  #isClosed = false;

  constructor(request: PullRequest, process: SimulatedProcess, send: (item: Item) => void) {
    this.request = request;
    this.process = process;
    this.#send = send;
    this.sink = {
      pendingBytes: 0,
      write: (bytes) => {
        if (!this.#isClosed && bytes.length > 0) send(bytes);
      },
    };
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  opened(info: OpenedInfo): void {
    if (!this.#isClosed) this.#send(encodeOpenedItem(info));
  }

  state(state: PulledState): void {
    if (!this.#isClosed) this.#send(encodeStateItem(state));
  }

  ended(reason: CloseReason): void {
    if (this.#isClosed) return;
    this.#send(encodeEndedItem(reason));
    this.broke();
  }

  refuse(error: AppError): void {
    if (this.#isClosed) return;
    this.#send(error);
    this.broke();
  }

  onClosed(run: () => void): void {
    if (this.#isClosed) run();
    else this.#listeners.push(run);
  }

  /** The call is over at this end. */
  broke(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const run of this.#listeners.splice(0)) run();
  }
}
