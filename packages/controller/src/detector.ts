// Who lives and who is dead, from heartbeats, direct probes and edges' reports. Does nothing by itself: it is told what
// was seen, says whom to probe, and what it now thinks of each node.
import type { NodeRecord, NodeRef, NodeSighting } from '@headwater/cluster';
import { nodeKey } from './node-key.ts';
import {
  evidenceOf,
  missedBeats,
  nextHealth,
  verdictDueMs,
  type DetectorLimits,
  type EndedProbe,
  type NodeFacts,
  type NodeHealth,
  type Vantage,
} from './node-health.ts';

/** A change of mind about a node. */
export interface HealthChange {
  readonly node: NodeRef;
  readonly from: NodeHealth;
  readonly to: NodeHealth;
  readonly facts: NodeFacts;
  /** An edge had reported it. */
  readonly wasReported: boolean;
}

/** A node as it is seen now. */
export interface ObservedNode {
  readonly node: NodeRef;
  /** Its last announcement; undefined for an owner that was never seen in the registry. */
  readonly record: NodeRecord | undefined;
  readonly health: NodeHealth;
  readonly isListed: boolean;
  readonly silentMs: number;
}

/** A node to be probed now. */
export interface DueProbe {
  readonly node: NodeRef;
  readonly address: string;
}

interface Watched {
  readonly node: NodeRef;
  record: NodeRecord | undefined;
  address: string | undefined;
  health: NodeHealth;
  isListed: boolean;
  hasLeft: boolean;
  silentMs: number;
  beatMs: number;
  probe: EndedProbe | undefined;
  answeredMs: number | undefined;
  probeStartedMs: number | undefined;
  isProbing: boolean;
  /** An edge lost it, and no probe was answered since. */
  reportedMs: number | undefined;
  /** Since when it is dead or gone. */
  goneMs: number | undefined;
}

/** How long a node that is dead or has left is remembered. */
const forgetMs = 300_000;

/** The detector of one controller. All times are of its monotonic clock. */
export class Detector {
  readonly #limits: DetectorLimits;
  readonly #selfKey: string;
  readonly #watched = new Map<string, Watched>();

  /** `self` is the node that the controller itself runs on, which it does not judge. */
  constructor(limits: DetectorLimits, self: NodeRef) {
    this.#limits = limits;
    this.#selfKey = nodeKey(self);
  }

  /**
   * What the registry shows, asked at `sentMs` and answered at `receivedMs`. Returns false when most nodes are missing
   * that cannot have been: then the registry has lost its memory, and nobody is taken for having left.
   */
  sighted(sightings: readonly NodeSighting[], sentMs: number, receivedMs: number): boolean {
    const seen = new Set<string>();
    const runs = new Map<string, string>();
    for (const { node, silentMs } of sightings) {
      const each = this.#watch(node, receivedMs);
      Object.assign(each, { record: node, address: node.addresses.relay, isListed: true, hasLeft: false });
      each.silentMs = silentMs;
      each.beatMs = receivedMs - silentMs;
      seen.add(nodeKey(node));
      runs.set(node.nodeId, node.incarnation);
    }
    const watched = [...this.#watched.values()];
    const listed = watched.filter(({ isListed, health }) => isListed && health !== 'dead');
    const early = new Set(
      listed.filter(
        (each) => !runs.has(each.node.nodeId) && sentMs - each.beatMs < this.#limits.leaseMs * 0.9,
      ),
    );
    const hasForgotten = early.size >= 2 && early.size > listed.length / 2;
    for (const each of watched) {
      if (seen.has(nodeKey(each.node))) continue;
      if (runs.has(each.node.nodeId) || (early.has(each) && !hasForgotten)) each.hasLeft = true;
      each.isListed = false;
      each.silentMs = Math.max(0, sentMs - each.beatMs);
    }
    return !hasForgotten;
  }

  /** A stream is owned by a node that the registry does not show: it is watched from now on. */
  adopt(node: NodeRef, address: string, nowMs: number): void {
    if (this.#watched.has(nodeKey(node))) return;
    this.#watch(node, nowMs).address = address === '' ? undefined : address;
  }

  /** An edge lost what it pulled from a node. Of nodes that are not known, or are dead, nothing is made. */
  reported(node: NodeRef, nowMs: number): void {
    const watched = this.#watched.get(nodeKey(node));
    if (watched === undefined || watched.health === 'dead' || watched.health === 'left') return;
    watched.reportedMs = nowMs;
    // A probe that answered before the report says nothing about it.
    if (!watched.isProbing) watched.probeStartedMs = undefined;
  }

  /** The nodes to probe now; they count as being probed until `probed`. */
  startProbes(nowMs: number): DueProbe[] {
    const due: DueProbe[] = [];
    for (const watched of this.#watched.values()) {
      if (!this.#isInQuestion(watched) || watched.isProbing || watched.address === undefined) continue;
      const { probeStartedMs } = watched;
      if (probeStartedMs !== undefined && nowMs - probeStartedMs < this.#limits.probeEveryMs) continue;
      watched.isProbing = true;
      watched.probeStartedMs = nowMs;
      due.push({ node: watched.node, address: watched.address });
    }
    return due;
  }

  /** A probe has ended. One that was begun before `trustedMs` is not counted, unless it was answered. */
  probed(node: NodeRef, probe: EndedProbe, trustedMs: number): void {
    const watched = this.#watched.get(nodeKey(node));
    if (watched === undefined) return;
    watched.isProbing = false;
    if (probe.outcome === 'answered') {
      watched.answeredMs = probe.endedMs;
      if (watched.reportedMs !== undefined && watched.reportedMs <= probe.startedMs) {
        watched.reportedMs = undefined;
      }
    } else if (probe.startedMs < trustedMs) {
      return;
    }
    watched.probe = probe;
  }

  /** The observer was blind: what probes failed to find until now is worth nothing. */
  distrust(): void {
    for (const watched of this.#watched.values()) {
      if (watched.probe?.outcome !== 'answered') watched.probe = undefined;
    }
  }

  /** Looks at all nodes anew; returns those of which it now thinks otherwise. */
  judge(vantage: Vantage): HealthChange[] {
    const changes: HealthChange[] = [];
    for (const [key, watched] of this.#watched) {
      const facts = factsOf(watched);
      const evidence = key === this.#selfKey ? 'beating' : evidenceOf(facts, vantage, this.#limits);
      const from = watched.health;
      const to = nextHealth(from, evidence);
      const isOver = to === 'dead' || to === 'left';
      const { reportedMs } = watched;
      if (reportedMs !== undefined && vantage.nowMs - reportedMs > 2 * this.#limits.leaseMs) {
        watched.reportedMs = undefined;
      }
      watched.goneMs = isOver ? (watched.goneMs ?? vantage.nowMs) : undefined;
      if (to !== from) {
        changes.push({ node: watched.node, from, to, facts, wasReported: reportedMs !== undefined });
        watched.health = to;
        if (isOver) watched.reportedMs = undefined;
      }
      if (watched.goneMs !== undefined && !watched.isListed && vantage.nowMs - watched.goneMs > forgetMs) {
        this.#watched.delete(key);
      }
    }
    return changes;
  }

  /** When to look next at the latest, because a beat that does not come by then makes a verdict. */
  get dueMs(): number | undefined {
    let dueMs: number | undefined;
    for (const watched of this.#watched.values()) {
      if (!this.#isInQuestion(watched)) continue;
      const each = verdictDueMs(factsOf(watched), this.#limits);
      if (each !== undefined && (dueMs === undefined || each < dueMs)) dueMs = each;
    }
    return dueMs;
  }

  /** True when somebody is in question, so that one should look often. */
  get isAlert(): boolean {
    for (const watched of this.#watched.values()) if (this.#isInQuestion(watched)) return true;
    return false;
  }

  /** Every node as it is seen now, by node id. */
  nodes(): ObservedNode[] {
    return [...this.#watched.values()]
      .map(({ node, record, health, isListed, silentMs }) => ({ node, record, health, isListed, silentMs }))
      .sort((a, b) => (nodeKey(a.node) < nodeKey(b.node) ? -1 : 1));
  }

  /** How long it is since a node beat last; undefined of one that is not known any more. */
  silentMs(node: NodeRef, nowMs: number): number | undefined {
    const watched = this.#watched.get(nodeKey(node));
    return watched && nowMs - watched.beatMs;
  }

  #isInQuestion(watched: Watched): boolean {
    if (nodeKey(watched.node) === this.#selfKey) return false;
    if (watched.health === 'suspect' || watched.health === 'isolated') return true;
    if (watched.health !== 'healthy') return false;
    // One missed beat says little, but whether nobody listens there can be asked at once.
    return watched.reportedMs !== undefined || missedBeats(watched.silentMs, this.#limits) > 0;
  }

  #watch(node: NodeRef, nowMs: number): Watched {
    const key = nodeKey(node);
    const known = this.#watched.get(key);
    if (known !== undefined) return known;
    const { nodeId, incarnation } = node;
    const watched: Watched = {
      node: { nodeId, incarnation },
      record: undefined,
      address: undefined,
      health: 'healthy',
      isListed: false,
      hasLeft: false,
      silentMs: 0,
      beatMs: nowMs,
      probe: undefined,
      answeredMs: undefined,
      probeStartedMs: undefined,
      isProbing: false,
      reportedMs: undefined,
      goneMs: undefined,
    };
    this.#watched.set(key, watched);
    return watched;
  }
}

function factsOf(watched: Watched): NodeFacts {
  return { ...watched, canBeProbed: watched.address !== undefined };
}
