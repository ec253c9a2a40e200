import { AppError, type Clock } from '@headwater/contracts';
import type { NodeRef } from '@headwater/cluster';
import type { RelayClient } from '@headwater/relay';
import type { EndedProbe, ProbeOutcome } from './node-health.ts';

/** Asks a node directly whether it lives. */
export interface Prober {
  /** Always resolves, with times of the clock that the prober was made with. */
  probe(node: NodeRef, address: string): Promise<EndedProbe>;
}

/** What a relay prober is made of. */
export interface RelayProberOptions {
  readonly relay: Pick<RelayClient, 'probe'>;
  readonly clock: Clock;
  /** How long a node may take to answer; default 1 s. */
  readonly timeoutMs?: number;
}

/** Probes over the relay's connections, so that what is proven is that the node could serve edges. */
export class RelayProber implements Prober {
  readonly #relay: Pick<RelayClient, 'probe'>;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  constructor(options: RelayProberOptions) {
    this.#relay = options.relay;
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs ?? 1_000;
  }

  async probe(node: NodeRef, address: string): Promise<EndedProbe> {
    const startedMs = this.#clock.nowMs();
    const outcome = await this.#ask(node, address);
    return { outcome, startedMs, endedMs: this.#clock.nowMs() };
  }

  async #ask(node: NodeRef, address: string): Promise<ProbeOutcome> {
    try {
      const { nodeId, incarnation } = await this.#relay.probe(address, this.#timeoutMs);
      return nodeId === node.nodeId && incarnation === node.incarnation ? 'answered' : 'replaced';
    } catch (caught) {
      return isRefusal(caught) ? 'refused' : 'silent';
    }
  }
}

// Only the other side's machine can say that no process listens there. A name that is not found, a network that cannot be
// reached, a status that makes no sense: these say something about the way, or about the prober, and nothing about the node.
const refusal = /\bECONN(?:REFUSED|RESET)\b/;

function isRefusal(caught: unknown): boolean {
  if (!(caught instanceof AppError) || caught.code !== 'upstream_unavailable') return false;
  const { answer } = caught.details;
  return typeof answer === 'string' && refusal.test(answer);
}
