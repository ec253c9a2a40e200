import type { Logger } from '@headwater/contracts';
import type { ManualClock } from '@headwater/contracts/testing';
import type { Ledger } from './ledger.ts';
import type { SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';
import type { SimulatedRedis } from './redis.ts';
import type { SimulatedRelay } from './relay.ts';

/** What nodes, publishers and viewers find around them. */
export interface Surroundings {
  readonly clock: ManualClock;
  readonly random: Random;
  readonly redis: SimulatedRedis;
  readonly relay: SimulatedRelay;
  readonly ledger: Ledger;
  /** Whether anybody reads what is traced. */
  readonly isTracing: boolean;
  trace(line: string): void;
  /** Another run of a node. */
  newProcess(name: string): SimulatedProcess;
  /** A log that ends in the trace. */
  loggerOf(name: string): Logger;
  /** The number of another publish session. */
  nextSession(): number;
}
