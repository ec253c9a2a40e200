// The registry as the cluster has it: one store behind a network. The store is the real twin in memory. A call is a
// message there and one back, and each of them may be late or never come; a write whose answer was lost has happened.
import {
  MemoryLeaderLease,
  MemoryStreamRegistry,
  type FailoverRegistry,
  type JobRegistry,
  type LeaderLease,
  type SavedLeaderLease,
  type SavedRegistry,
  type StreamRegistry,
  type UpstreamReports,
} from '@headwater/cluster';
import { AppError, toAppError } from '@headwater/contracts';
import type { ManualClock } from '@headwater/contracts/testing';
import { EventFollower } from './event-follower.ts';
import { EventLog, type LogPlace } from './event-log.ts';
import type { SimulatedNetwork } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';
import { leaseMs } from './settings.ts';
import { StoreClock } from './store-clock.ts';

/** The store's name as a party of the network. */
export const store = 'redis';
const callMs = 500;

/** What a process has of the registry. */
export interface RegistryClient {
  readonly registry: StreamRegistry & FailoverRegistry;
  readonly lease: LeaderLease;
  readonly reports: UpstreamReports;
  readonly jobs: JobRegistry;
}

/** A call that the store has carried out. */
export interface CarriedOut {
  readonly by: SimulatedProcess;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly result: unknown;
}

/** What a copy of the store holds that is some time behind. */
interface Copy {
  readonly atMs: number;
  readonly registry: SavedRegistry;
  readonly lease: SavedLeaderLease;
  readonly place: LogPlace;
}

type Method = (...args: unknown[]) => Promise<unknown>;

/** The store, and everybody's way to it. */
export class SimulatedRedis {
  readonly registry: MemoryStreamRegistry;
  readonly #clock: ManualClock;
  readonly #time: StoreClock;
  readonly #random: Random;
  readonly #network: SimulatedNetwork;
  readonly #lease: MemoryLeaderLease;
  readonly jobs: JobRegistry;
  readonly #log: EventLog;
  readonly #followers = new Map<SimulatedProcess, EventFollower>();
  readonly #carriedOut: (call: CarriedOut) => void;
  #copy: Copy | undefined;
  #isDown = false;
  #hasBeenDown = false;

  constructor(options: {
    readonly clock: ManualClock;
    readonly random: Random;
    readonly network: SimulatedNetwork;
    readonly carriedOut: (call: CarriedOut) => void;
  }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#network = options.network;
    this.#carriedOut = options.carriedOut;
    this.#time = new StoreClock(options.clock);
    this.registry = new MemoryStreamRegistry({ clock: this.#time, leaseMs });
    this.#lease = new MemoryLeaderLease({ clock: this.#time, leaseMs });
    this.jobs = this.registry.jobRegistry();
    this.#log = new EventLog(this.registry);
    this.registry.watch((event) => {
      this.#log.append({ event });
      this.#wakeAll();
    });
    options.network.onHeal(() => {
      this.#wakeAll();
    });
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  get hasBeenDown(): boolean {
    return this.#hasBeenDown;
  }

  /** It does not answer any more; its data and its time stay as they are. */
  stop(): void {
    this.#isDown = true;
    this.#hasBeenDown = true;
    this.#time.pause();
    for (const follower of this.#followers.values()) follower.disconnected();
  }

  start(): void {
    this.#isDown = false;
    this.#time.resume(leaseMs / 4);
  }

  /** It starts anew without its data. */
  async forget(): Promise<void> {
    // The new one knows nothing of what the old one has not told yet.
    await Promise.resolve();
    this.registry.restore();
    this.#lease.restore();
    this.#log.clear();
    this.#copy = undefined;
    for (const follower of this.#followers.values()) follower.disconnected();
  }

  /** A replica has got everything up to now. */
  replicate(): void {
    this.#copy = {
      atMs: this.#time.nowMs(),
      registry: this.registry.save(),
      lease: this.#lease.save(),
      place: this.#log.end,
    };
  }

  /** The replica takes over: what was written after `replicate` is lost. */
  failOver(): void {
    const copy = this.#copy;
    if (copy === undefined) return;
    this.#time.returnTo(copy.atMs);
    this.registry.restore(copy.registry);
    this.#lease.restore(copy.lease);
    this.#log.cutBack(copy.place);
    for (const follower of this.#followers.values()) follower.disconnected();
  }

  /** A process's way to the store. */
  client(process: SimulatedProcess): RegistryClient {
    const follower = (): EventFollower => this.#follower(process);
    return {
      registry: this.#remote(process, this.registry, {
        watch: (listener) => follower().onEvent(listener),
        close: () => Promise.resolve(),
      }),
      lease: this.#remote<LeaderLease>(process, this.#lease, { close: () => Promise.resolve() }),
      jobs: this.#remote<JobRegistry>(process, this.jobs, {
        // Heard as long as nothing is in the way; nodes look by themselves, too.
        watch: (listener) =>
          this.jobs.watch((event) => {
            const isHeard = !this.#isDown && !this.#network.isCut(store, process.name);
            if (isHeard) process.after(this.#network.delayMs(store, process.name), () => listener(event));
          }),
      }),
      reports: {
        report: (report) =>
          this.#call(process, 'report', [report], () => {
            this.#log.append({ report });
            this.#wakeAll();
            return Promise.resolve();
          }) as Promise<void>,
        watch: (listener) => follower().onReport(listener),
        close: () => Promise.resolve(),
      },
    };
  }

  #follower(process: SimulatedProcess): EventFollower {
    const known = this.#followers.get(process);
    if (known !== undefined) return known;
    const follower = new EventFollower({
      process,
      network: this.#network,
      random: this.#random,
      log: this.#log,
      store,
      isStoreDown: () => this.#isDown,
      graceMs: leaseMs,
    });
    this.#followers.set(process, follower);
    process.onDeath.add(() => this.#followers.delete(process));
    return follower;
  }

  #wakeAll(): void {
    for (const follower of this.#followers.values()) follower.wake();
  }

  /** The same methods, each a call over the network. */
  #remote<T extends object>(process: SimulatedProcess, target: T, local: Partial<T>): T {
    const remote: Record<string, unknown> = {};
    for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(target))) {
      const method: unknown = Reflect.get(target, name);
      if (name === 'constructor' || typeof method !== 'function') continue;
      remote[name] = (...args: unknown[]) =>
        this.#call(process, name, args, () => (method as Method).apply(target, args));
    }
    return { ...target, ...remote, ...local };
  }

  async #call(
    process: SimulatedProcess,
    method: string,
    args: readonly unknown[],
    execute: () => Promise<unknown>,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const sentMs = this.#clock.nowMs();
      const network = this.#network;
      const fail = (delayMs: number): void => {
        process.after(delayMs, () => {
          reject(new AppError('registry_unavailable', { details: { method } }));
        });
      };
      const unanswered = (): void => {
        fail(Math.max(0, sentMs + callMs - this.#clock.nowMs()));
      };
      const answered = (settle: () => void): void => {
        if (process.state === 'dead') return;
        const delayMs = network.delayMs(store, process.name);
        const isLate = this.#clock.nowMs() + delayMs - sentMs >= callMs;
        if (isLate || network.loses(store, process.name)) unanswered();
        else process.after(delayMs, settle);
      };
      const arrived = (isHeard: boolean): void => {
        if (this.#isDown) {
          if (isHeard) fail(1);
          return;
        }
        execute().then(
          (result) => {
            this.#carriedOut({ by: process, method, args, result });
            if (isHeard) answered(() => resolve(result));
          },
          (error: unknown) => {
            if (isHeard) answered(() => reject(toAppError(error)));
          },
        );
      };
      if (network.loses(process.name, store)) {
        unanswered();
        // Lost for its sender, it may still come through when nobody waits for it any more.
        if (network.isCut(process.name, store) || this.#random.chance(0.5)) return;
        const lateMs = this.#random.chance(0.2) ? 7_000 : 1_000;
        this.#clock.after(callMs + lateMs * this.#random.next(), () => {
          arrived(false);
        });
        return;
      }
      const delayMs = network.delayMs(process.name, store);
      if (delayMs >= callMs) unanswered();
      this.#clock.after(delayMs, () => {
        arrived(delayMs < callMs);
      });
    });
  }
}
