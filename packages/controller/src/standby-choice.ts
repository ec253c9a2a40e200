// Which origin follows a stream beside its owner. The same nodes and streams give the same answer, whoever asks.
import type { NodeRecord, Standby, StreamRecord } from '@headwater/cluster';
import type { ObservedNode } from './detector.ts';
import { nodeKey } from './node-key.ts';
import { spread } from './spread.ts';

interface Candidate {
  readonly node: NodeRecord;
  readonly address: string;
  /** Streams that it owns or follows already. */
  streams: number;
}

/** Chooses standbys for one plan, spreading them as it goes. */
export class StandbyChoice {
  readonly #nodes = new Map<string, ObservedNode>();
  readonly #candidates = new Map<string, Candidate>();

  constructor(nodes: readonly ObservedNode[], streams: readonly StreamRecord[]) {
    for (const node of nodes) {
      if (node.health !== 'left') this.#nodes.set(nodeKey(node.node), node);
      const { record } = node;
      const address = record?.addresses.relay;
      if (node.health !== 'healthy' || !node.isListed || record === undefined || address === undefined) {
        continue;
      }
      if (record.roles.includes('origin') && !record.isDraining) {
        this.#candidates.set(record.nodeId, { node: record, address, streams: 0 });
      }
    }
    for (const { owner, standby } of streams) {
      this.#count(owner.nodeId);
      if (standby !== undefined) this.#count(standby.nodeId);
    }
  }

  /** True when the stream has a declared backup whose node may live. */
  isDeclared({ standby }: StreamRecord): boolean {
    if (standby?.publishes !== true) return false;
    const node = this.#nodes.get(nodeKey(standby));
    return node?.record !== undefined && node.health !== 'dead';
  }

  /** True when the stream's standby is alive as far as anybody knows, and may go on being it. */
  isGood(record: StreamRecord): boolean {
    const { standby, owner } = record;
    if (standby === undefined || standby.nodeId === owner.nodeId) return false;
    const node = this.#nodes.get(nodeKey(standby));
    if (node?.record === undefined || node.health === 'dead' || node.record.isDraining) return false;
    if (node.record.addresses.relay !== standby.relayAddress) return false;
    const itsOwner = this.#nodes.get(nodeKey(owner))?.record;
    if (itsOwner === undefined || !areSiblings(node.record, itsOwner)) return true;
    return ![...this.#candidates.values()].some((other) => !areSiblings(other.node, itsOwner));
  }

  /**
   * The origin of another node's process, in the owner's region, in another zone where there is one, that has the fewest
   * streams; undefined when there is no origin but the owner. It counts as chosen.
   */
  choose(record: StreamRecord): Standby | undefined {
    const owner = this.#nodes.get(nodeKey(record.owner))?.record;
    const others = [...this.#candidates.values()].filter(({ node }) => node.nodeId !== record.owner.nodeId);
    const ranked = others.map((candidate) => ({
      candidate,
      rank: [
        owner !== undefined && areSiblings(candidate.node, owner) ? 1 : 0,
        owner === undefined ? 0 : distance(candidate.node, owner),
        candidate.streams,
        spread(`${record.stream} ${candidate.node.nodeId}`),
      ],
    }));
    const best = ranked.sort((a, b) => compare(a.rank, b.rank))[0]?.candidate;
    if (best === undefined) return undefined;
    best.streams++;
    const { nodeId, incarnation } = best.node;
    return { nodeId, incarnation, relayAddress: best.address };
  }

  #count(nodeId: string): void {
    const candidate = this.#candidates.get(nodeId);
    if (candidate !== undefined) candidate.streams++;
  }
}

/** Origins behind one port for publishers are processes of one machine, and go with it. */
function areSiblings({ addresses }: NodeRecord, other: NodeRecord): boolean {
  return addresses.rtmp !== undefined && addresses.rtmp === other.addresses.rtmp;
}

/** A fault takes a zone at a time, and traffic between regions is dear. */
function distance(node: NodeRecord, owner: NodeRecord): number {
  if (node.region !== owner.region) return 2;
  return node.zone === owner.zone ? 1 : 0;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
