import type { Clock } from '@headwater/contracts';
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
    const outcome = await this.#ask(node, address, startedMs);
    return { outcome, startedMs, endedMs: this.#clock.nowMs() };
  }

  async #ask(node: NodeRef, address: string, startedMs: number): Promise<ProbeOutcome> {
    try {
      const { nodeId, incarnation } = await this.#relay.probe(address, this.#timeoutMs);
      return nodeId === node.nodeId && incarnation === node.incarnation ? 'answered' : 'replaced';
    } catch {
      // A failure before the deadline was told by the other side's machine: nobody listens.
      return this.#clock.nowMs() - startedMs < this.#timeoutMs ? 'refused' : 'silent';
    }
  }
}
