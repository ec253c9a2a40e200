// What was done, for operators: a dead origin may have had thousands of streams and jobs, and a line for each would bury
// what matters. Steps about streams and jobs are counted and summed up at most once a second; each by itself is at debug.
import type { FencedOutcome } from '@headwater/cluster';
import type { Clock, LogFields, Logger, Timer } from '@headwater/contracts';
import type { FailoverAction } from './plan.ts';

/** How a step ended. `failed`: the registry did not answer; it may have been applied. */
export type ActionOutcome = FencedOutcome | 'failed';

const periodMs = 1_000;

/** Tells of the steps of one controller. Closed once, which tells of what was not told yet. */
export class ActionLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** How often, by kind and outcome. */
  readonly #counts = new Map<string, number>();
  #err: Error | undefined;
  #isWarning = false;
  #timer: Timer | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** A step has ended so. */
  add(
    action: FailoverAction,
    outcome: ActionOutcome,
    about: { readonly token: number; readonly err?: Error },
  ): void {
    const fields: LogFields = { ...action, outcome, ...about };
    const isGood = outcome === 'applied' || outcome === 'unchanged';
    if (action.type === 'expel_node') {
      if (isGood) this.#logger.info(fields, 'failover action');
      else this.#logger.warn(fields, 'failover action');
      return;
    }
    this.#logger.debug(fields, 'failover action');
    // Standbys come and go all the time.
    if (outcome === 'unchanged' || (action.type === 'set_standby' && outcome === 'applied')) return;
    const key = `${action.type} ${outcome}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    this.#isWarning ||= !isGood;
    this.#err ??= about.err;
    const waitMs = this.#toldMs + periodMs - this.#clock.nowMs();
    // At the earliest when the steps that belong together have ended as well.
    this.#timer ??= this.#clock.after(Math.max(waitMs, 100), () => {
      this.#tell();
    });
  }

  close(): void {
    this.#tell();
  }

  #tell(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#counts.size === 0) return;
    const fields = {
      steps: Object.fromEntries(this.#counts),
      ...(this.#err === undefined ? {} : { err: this.#err }),
    };
    if (this.#isWarning) this.#logger.warn(fields, 'failover actions');
    else this.#logger.info(fields, 'failover actions');
    this.#counts.clear();
    this.#err = undefined;
    this.#isWarning = false;
    this.#toldMs = this.#clock.nowMs();
  }
}
