// Applies plans. Each step is a compare-and-set in the registry under the leader's token: applied twice, or by two leaders
// at once, it happens once; based on what is so no longer, it does nothing.
import type { FailoverRegistry, FencedOutcome, JobRegistry, NodeRef } from '@headwater/cluster';
import { toAppError, type Clock, type Counter, type Logger } from '@headwater/contracts';
import { ActionLog, type ActionOutcome } from './action-log.ts';
import type { FailoverAction } from './plan.ts';
import { within } from './within.ts';

/** How a run ended. */
export interface RunResult {
  /** A later leadership exists: the rest was left. */
  readonly isFenced: boolean;
  /** The registry did not answer: the rest was left. */
  readonly hasFailed: boolean;
  /** Something was otherwise than the plan assumed: look again. */
  readonly hasConflict: boolean;
}

/** What a runner is made of. */
export interface ActionRunnerOptions {
  readonly registry: FailoverRegistry;
  /** Absent where there are no jobs. */
  readonly jobs?: Pick<JobRegistry, 'assign'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly actions: Counter;
  /** How long one step may take. */
  readonly callMs: number;
  /** Told of each node whose streams the registry now has free. */
  readonly expelled: (node: NodeRef) => void;
}

/** How many steps are under way at once. */
const parallelSteps = 16;

/** Runs one plan at a time. */
export class ActionRunner {
  readonly #options: ActionRunnerOptions;
  readonly #log: ActionLog;

  constructor(options: ActionRunnerOptions) {
    this.#options = options;
    this.#log = new ActionLog(options.clock, options.logger);
  }

  /** Runs nothing any more. */
  close(): void {
    this.#log.close();
  }

  /** Applies the steps in groups, in order. `mayGoOn` is asked before each group. */
  async run(token: number, actions: readonly FailoverAction[], mayGoOn: () => boolean): Promise<RunResult> {
    const outcomes = new Set<ActionOutcome>();
    for (let first = 0; first < actions.length && mayGoOn(); first += parallelSteps) {
      const group = actions.slice(first, first + parallelSteps);
      for (const outcome of await Promise.all(group.map(async (action) => this.#apply(token, action)))) {
        outcomes.add(outcome);
      }
      if (outcomes.has('fenced') || outcomes.has('failed')) break;
    }
    return {
      isFenced: outcomes.has('fenced'),
      hasFailed: outcomes.has('failed'),
      hasConflict: outcomes.has('conflict'),
    };
  }

  async #apply(token: number, action: FailoverAction): Promise<ActionOutcome> {
    const { clock, callMs, actions } = this.#options;
    let outcome: ActionOutcome;
    let err: Error | undefined;
    try {
      outcome = await within(clock, callMs, this.#write(token, action));
    } catch (caught) {
      outcome = 'failed';
      err = toAppError(caught);
    }
    actions.add(1, { action: action.type, outcome });
    if (action.type === 'expel_node' && outcome === 'applied') this.#options.expelled(action.node);
    this.#log.add(action, outcome, { token, ...(err === undefined ? {} : { err }) });
    return outcome;
  }

  async #write(token: number, action: FailoverAction): Promise<FencedOutcome> {
    const { registry, jobs } = this.#options;
    if (action.type === 'expel_node') return await registry.expel({ token, ...action });
    if (action.type === 'set_standby') return await registry.setStandby({ token, ...action });
    if (action.type === 'assign_job') return (await jobs?.assign({ token, ...action })) ?? 'unchanged';
    return await registry.endOrphan({ token, ...action });
  }
}
