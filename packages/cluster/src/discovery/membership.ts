// What is known of the nodes, from one or several sources that may go away, come back, and come back without memory. A
// node that is missing from an answer has left, unless the answer is in doubt:
//   away      the source does not answer: everything is kept
//   doubtful  this node itself is missing where it was before, so the source has forgotten more than one: missing ones are kept
//   returning for a grace after either: missing ones are kept, also those that it listed at first
// So a source that restarts empty, or whose own timers all ran out while it stood still, takes nobody down.
import {
  silentMetrics,
  type Clock,
  type Gauge,
  type Logger,
  type Metrics,
  type Timer,
} from '@headwater/contracts';
import type { NodeRecord } from '../node-record.ts';
import type { Watch } from '../stream-registry.ts';
import { nodeChanges } from './node-changes.ts';
import type { DiscoveryEvent } from './node-discovery.ts';

/** What a membership is made of. */
export interface MembershipOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** The node that looks, when it is among the nodes itself. */
  readonly selfId?: string;
  /** How long nodes that a returned source does not list are kept. */
  readonly graceMs: number;
}

interface Source {
  members: Map<string, NodeRecord>;
  /** Members that were not in the last answer. */
  unconfirmed: ReadonlySet<string>;
  state: 'away' | 'doubtful' | 'current';
  grace: Timer | undefined;
}

type Listener = (event: DiscoveryEvent) => void;

/** The merged view of all sources, and who hears of its changes. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #nodesGauge: Gauge;
  readonly #staleGauge: Gauge;
  readonly #sources = new Map<string, Source>();
  readonly #listeners = new Set<{ readonly listener: Listener }>();
  #shown = new Map<string, NodeRecord>();
  #list: readonly NodeRecord[] = [];
  #isStale = true;
  #isClosed = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    const { metrics = silentMetrics } = options;
    this.#nodesGauge = metrics.gauge({
      name: 'headwater_discovery_nodes',
      help: 'Nodes that this node knows of.',
    });
    this.#staleGauge = metrics.gauge({
      name: 'headwater_discovery_stale',
      help: '1 while the known nodes may be out of date, else 0.',
    });
  }

  /** True until every source has answered, and while any of them is away, in doubt or not yet complete again. */
  get isStale(): boolean {
    return this.#isStale;
  }

  nodes(): readonly NodeRecord[] {
    return this.#list;
  }

  node(nodeId: string): NodeRecord | undefined {
    return this.#shown.get(nodeId);
  }

  watch(listener: Listener): Watch {
    const entry = { listener };
    this.#listeners.add(entry);
    return { close: () => void this.#listeners.delete(entry) };
  }

  /** Takes all the nodes that a source lists now. */
  accept(name: string, nodes: readonly NodeRecord[]): void {
    if (this.#isClosed) return;
    const source = this.#source(name);
    const listed = new Map(nodes.map((node) => [node.nodeId, node]));
    const isDoubtful = this.#isDoubtful(source, listed);
    if (isDoubtful) this.#endGrace(source);
    else if (source.state !== 'current' && source.members.size > 0) this.#beginGrace(source);
    const isKeeping = isDoubtful || source.grace !== undefined;
    const missing = [...source.members.values()].filter((member) => !listed.has(member.nodeId));
    source.unconfirmed = new Set(isKeeping ? missing.map((member) => member.nodeId) : []);
    if (isKeeping) for (const member of missing) listed.set(member.nodeId, member);
    source.members = listed;
    source.state = isDoubtful ? 'doubtful' : 'current';
    this.#publish();
  }

  /** A source does not answer, or cannot be believed for now. Also how a source is made known before its first answer. */
  lose(name: string): void {
    if (this.#isClosed) return;
    const source = this.#source(name);
    source.state = 'away';
    this.#endGrace(source);
    this.#publish();
  }

  /** A source is no more, and its nodes with it. */
  forget(name: string): void {
    const source = this.#sources.get(name);
    if (source === undefined || this.#isClosed) return;
    this.#endGrace(source);
    this.#sources.delete(name);
    this.#publish();
  }

  /** Ends all watches and timers; what is known stays readable. */
  close(): void {
    this.#isClosed = true;
    this.#listeners.clear();
    for (const source of this.#sources.values()) this.#endGrace(source);
  }

  #source(name: string): Source {
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    const source: Source = { members: new Map(), unconfirmed: new Set(), state: 'away', grace: undefined };
    this.#sources.set(name, source);
    return source;
  }

  #isDoubtful(source: Source, listed: ReadonlyMap<string, NodeRecord>): boolean {
    const { selfId } = this.#options;
    return selfId !== undefined && source.members.has(selfId) && !listed.has(selfId);
  }

  #beginGrace(source: Source): void {
    this.#endGrace(source);
    source.grace = this.#options.clock.after(this.#options.graceMs, () => {
      this.#finishGrace(source);
    });
  }

  #finishGrace(source: Source): void {
    source.grace = undefined;
    for (const nodeId of source.unconfirmed) source.members.delete(nodeId);
    source.unconfirmed = new Set();
    this.#publish();
  }

  #endGrace(source: Source): void {
    source.grace?.cancel();
    source.grace = undefined;
  }

  #publish(): void {
    const after = new Map<string, NodeRecord>();
    for (const { members } of this.#sources.values()) {
      for (const node of members.values()) if (!after.has(node.nodeId)) after.set(node.nodeId, node);
    }
    const events = nodeChanges(this.#shown, after);
    this.#shown = after;
    this.#list = [...after.values()].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
    const isStale = this.#sources.size === 0 || [...this.#sources.values()].some(isSourceStale);
    if (isStale !== this.#isStale) {
      this.#isStale = isStale;
      events.push({ type: isStale ? 'went_stale' : 'became_current' });
    }
    this.#nodesGauge.set(after.size);
    this.#staleGauge.set(isStale ? 1 : 0);
    for (const event of events) this.#tell(event);
  }

  #tell(event: DiscoveryEvent): void {
    for (const entry of [...this.#listeners]) {
      if (!this.#listeners.has(entry)) continue;
      try {
        entry.listener(event);
      } catch (err) {
        this.#options.logger.error({ err, event: event.type }, 'discovery listener threw');
      }
    }
  }
}

function isSourceStale(source: Source): boolean {
  return source.state !== 'current' || source.unconfirmed.size > 0;
}
