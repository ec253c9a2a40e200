// A node: the admin port and the services of its roles, with one life from start to stop.
import type { Readiness } from '@headwater/contracts';
import { AdminServer } from './admin/admin-server.ts';
import type { NodeContext, NodeParts } from './node-context.ts';
import { ServiceStack } from './service-stack.ts';

/** `starting` → `ready` → `draining` → `stopping` → `stopped`; draining may be left out, and a failed start ends `stopped`. */
export type NodeState = 'starting' | 'ready' | 'draining' | 'stopping' | 'stopped';

/** One running node. */
export class Node {
  readonly #context: NodeContext;
  readonly #parts: NodeParts;
  readonly #stack: ServiceStack;
  #state: NodeState = 'starting';
  #starting: Promise<void> | undefined;
  #stopping: Promise<boolean> | undefined;

  /** Without `hasAdmin` another process has the admin port, and answers for this one. */
  constructor(
    context: NodeContext,
    parts: NodeParts,
    { hasAdmin = true }: { readonly hasAdmin?: boolean } = {},
  ) {
    this.#context = context;
    this.#parts = parts;
    const admin = (): AdminServer =>
      new AdminServer({
        context,
        view: parts.view,
        readiness: () => this.readiness(),
        drain: async (deadlineMs) => this.drain(deadlineMs),
      });
    // The admin port comes first and goes last, so that health and metrics answer throughout.
    this.#stack = new ServiceStack([...(hasAdmin ? [admin()] : []), ...parts.services], context);
  }

  get state(): NodeState {
    return this.#state;
  }

  /** Whether publishers and viewers should be sent here. */
  readiness(): Readiness {
    const reasons = this.#state === 'ready' ? this.#parts.view.notReadyReasons() : [`node is ${this.#state}`];
    const doubts = this.#parts.view.doubts();
    return {
      isReady: reasons.length === 0,
      reasons: [...reasons],
      ...(doubts.length === 0 ? {} : { doubts: [...doubts] }),
    };
  }

  /** Starts everything; rejects with `ServiceStartError` when something cannot, and nothing runs then. */
  async start(): Promise<void> {
    this.#starting ??= this.#start();
    await this.#starting;
  }

  /** Sends publishers and viewers elsewhere; the node goes on to serve those that are left. Does nothing unless ready. */
  async drain(deadlineMs: number): Promise<void> {
    if (this.#state !== 'ready' && this.#state !== 'draining') return;
    this.#state = 'draining';
    await this.#parts.drain(deadlineMs);
  }

  /** Stops everything, also in the middle of a start. False when not all of it ended well. Twice does nothing more. */
  async stop(deadlineMs: number): Promise<boolean> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  async #start(): Promise<void> {
    try {
      await this.#stack.start(() => this.#state === 'starting');
    } catch (error) {
      this.#state = 'stopped';
      throw error;
    }
    if (this.#state === 'starting') this.#state = 'ready';
  }

  async #stop(deadlineMs: number): Promise<boolean> {
    this.#state = 'stopping';
    this.#context.logger.info({ deadlineMs }, 'node is stopping');
    // What is just starting is waited for, so that it can be stopped.
    await this.#starting?.catch(() => undefined);
    const isClean = await this.#stack.stop(deadlineMs);
    this.#state = 'stopped';
    return isClean;
  }
}
