// How a process follows the log of events, as with a Redis Stream: in order, going on where it was after a lost
// connection, by a listing of everything where the log has lost entries. What to make of a listing is the real mirror's.
import { RegistryMirror, type RegistryEvent, type UpstreamReport } from '@headwater/cluster';
import type { EventLog, LogPlace } from './event-log.ts';
import type { SimulatedNetwork } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';

/** What a follower is made of. */
export interface EventFollowerOptions {
  readonly process: SimulatedProcess;
  readonly network: SimulatedNetwork;
  readonly random: Random;
  readonly log: EventLog;
  /** The party that keeps the log. */
  readonly store: string;
  readonly isStoreDown: () => boolean;
  readonly graceMs: number;
}

/** One process's follower. Dies with its process. */
export class EventFollower {
  readonly #options: EventFollowerOptions;
  readonly #mirror = new RegistryMirror();
  readonly #eventListeners = new Set<(event: RegistryEvent) => void>();
  readonly #reportListeners = new Set<(report: UpstreamReport) => void>();
  #place: LogPlace | undefined;
  #isConnected = false;
  #isConnecting = false;
  #isReading = false;
  #graceEndsMs: number | undefined;

  constructor(options: EventFollowerOptions) {
    this.#options = options;
    this.#connect();
  }

  onEvent(listener: (event: RegistryEvent) => void): { close: () => void } {
    this.#eventListeners.add(listener);
    return { close: () => void this.#eventListeners.delete(listener) };
  }

  onReport(listener: (report: UpstreamReport) => void): { close: () => void } {
    this.#reportListeners.add(listener);
    return { close: () => void this.#reportListeners.delete(listener) };
  }

  /** There may be something to read, or the way may be free again. */
  wake(): void {
    const { process, network, store, log } = this.#options;
    if (process.state === 'dead' || !this.#isConnected || this.#isReading) return;
    if (this.#place !== undefined && this.#place.read >= log.length) return;
    this.#isReading = true;
    process.after(network.delayMs(store, process.name), () => {
      this.#isReading = false;
      if (this.#isReachable) this.#read();
    });
  }

  /** The store has gone away, or has come back as another one. */
  disconnected(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#connectLater();
  }

  get #isReachable(): boolean {
    const { process, network, store, isStoreDown } = this.#options;
    if (isStoreDown() || !this.#isConnected) return false;
    return !network.isCut(store, process.name) && !network.isCut(process.name, store);
  }

  #connectLater(): void {
    const { process, random } = this.#options;
    process.after(100 + 900 * random.next(), () => {
      this.#connect();
    });
  }

  #connect(): void {
    if (this.#isConnected || this.#isConnecting) return;
    this.#isConnected = true;
    const { process, network, store } = this.#options;
    const isReachable = this.#isReachable;
    this.#isConnected = false;
    if (!isReachable) {
      this.#connectLater();
      return;
    }
    this.#isConnecting = true;
    process.after(network.delayMs(process.name, store), () => {
      this.#isConnecting = false;
      this.#isConnected = true;
      this.#read();
    });
  }

  #read(): void {
    const { process, log } = this.#options;
    const isGraceOver = this.#graceEndsMs !== undefined && this.#graceEndsMs <= process.nowMs();
    if (this.#place === undefined || isGraceOver || !log.has(this.#place)) {
      void this.#synchronise(isGraceOver);
      return;
    }
    for (const { event, report } of log.after(this.#place)) {
      if (report !== undefined) for (const heard of this.#reportListeners) heard(report);
      if (event !== undefined && this.#mirror.apply(event)) this.#emit(event);
    }
    this.#place = log.end;
  }

  async #synchronise(isGraceOver: boolean): Promise<void> {
    const { process, log, graceMs } = this.#options;
    const isFirst = this.#place === undefined;
    this.#place = log.end;
    const listing = await log.listing();
    process.deliver(() => {
      if (isGraceOver) this.#graceEndsMs = undefined;
      else if (!isFirst) {
        this.#graceEndsMs = process.nowMs() + graceMs;
        process.after(graceMs, () => {
          if (this.#isReachable) this.#read();
        });
      }
      const keepsAbsent = this.#graceEndsMs !== undefined;
      for (const event of this.#mirror.merge(listing, { keepsAbsent })) if (!isFirst) this.#emit(event);
      this.wake();
    });
  }

  #emit(event: RegistryEvent): void {
    for (const heard of this.#eventListeners) heard(event);
  }
}
