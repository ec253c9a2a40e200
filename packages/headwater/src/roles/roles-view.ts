import type { NodeListView, SessionProtocol, SessionView, StreamKey, StreamView } from '@headwater/contracts';
import type { Edge, EdgeStream, Viewer } from '@headwater/edge';
import type { Origin, OriginStream, PublishSession } from '@headwater/origin';
import type { JobDesk } from '../admin/job-desk.ts';
import type { NodeView } from '../admin/node-view.ts';
import type { NodeContext } from '../node-context.ts';
import type { ClusterNodes } from './discovery.ts';
import type { MembershipService } from './membership-service.ts';

/** What the view looks at. */
export interface RolesViewParts {
  readonly context: NodeContext;
  readonly nodes: ClusterNodes;
  readonly origin: Origin | undefined;
  readonly edge: Edge | undefined;
  readonly membership: MembershipService;
  readonly jobs: JobDesk;
}

interface ViewerTally {
  readonly byProtocol: Partial<Record<SessionProtocol, number>>;
  bytes: number;
}

/** A node as its origin and edge show it: snapshots, made when asked for. */
export class RolesView implements NodeView {
  readonly #parts: RolesViewParts;

  constructor(parts: RolesViewParts) {
    this.#parts = parts;
  }

  get jobs(): JobDesk {
    return this.#parts.jobs;
  }

  streams(): readonly StreamView[] {
    const { origin, edge } = this.#parts;
    const keys = new Set<StreamKey>([...(origin?.streams.keys() ?? []), ...(edge?.streams.keys() ?? [])]);
    const tallies = this.#tallyViewers();
    return [...keys].sort().map((key) => this.#stream(key, tallies.get(key)));
  }

  sessions(): readonly SessionView[] {
    const { origin, edge } = this.#parts;
    return [
      ...Array.from(origin?.sessions ?? [], publisherView),
      ...Array.from(edge?.viewers.values() ?? [], viewerView),
    ];
  }

  async nodes(): Promise<NodeListView> {
    const { nodes } = this.#parts;
    const items = nodes.nodes().map(({ nodeId, roles, ...rest }) => {
      const distanceMs = nodes.distanceMs(nodeId);
      return { id: nodeId, roles: [...roles], ...rest, ...(distanceMs === undefined ? {} : { distanceMs }) };
    });
    return Promise.resolve({ items, isStale: nodes.isStale });
  }

  kick(sessionId: string): boolean {
    const { origin, edge } = this.#parts;
    const publisher = Array.from(origin?.sessions ?? []).find(
      ({ context }) => context.sessionId === sessionId,
    );
    if (publisher !== undefined) return origin?.kick(publisher.stream.key) ?? false;
    return edge?.kick(sessionId) ?? false;
  }

  notReadyReasons(): readonly string[] {
    const { trouble } = this.#parts.membership;
    return trouble === undefined ? [] : [trouble];
  }

  doubts(): readonly string[] {
    const { doubt } = this.#parts.membership;
    return doubt === undefined ? [] : [doubt];
  }

  #stream(key: StreamKey, tally: ViewerTally | undefined): StreamView {
    const { origin, edge, context } = this.#parts;
    const owned = origin?.streams.get(key);
    const pulled = edge?.streams.get(key);
    const session = origin?.sessionOf(key);
    const owner = owned === undefined ? pulled?.owner : context.node.nodeId;
    return {
      key,
      state: stateOf(owned, pulled),
      viewers: tally?.byProtocol ?? {},
      bytesOut: tally?.bytes ?? 0,
      ...sourceView(owned ?? pulled),
      ...(owner === undefined ? {} : { owner }),
      ...(session === undefined ? {} : { publisher: publisherOf(session) }),
    };
  }

  #tallyViewers(): ReadonlyMap<StreamKey, ViewerTally> {
    const tallies = new Map<StreamKey, ViewerTally>();
    for (const viewer of this.#parts.edge?.viewers.values() ?? []) {
      const tally = tallies.get(viewer.stream) ?? { byProtocol: {}, bytes: 0 };
      const { protocol } = viewer.context;
      tally.byProtocol[protocol] = (tally.byProtocol[protocol] ?? 0) + 1;
      tally.bytes += viewer.bytesWritten;
      tallies.set(viewer.stream, tally);
    }
    return tallies;
  }
}

type SourceView = Pick<StreamView, 'codecs' | 'since' | 'framesIn' | 'bytesIn' | 'epoch'>;

function sourceView(source: OriginStream | EdgeStream | undefined): SourceView {
  // A stream that ended between the listing and now.
  if (source === undefined) return { codecs: [], since: new Date(0).toISOString(), framesIn: 0, bytesIn: 0 };
  const { codecs, framesIn, bytesIn } = source.live.stats;
  const since = new Date(source.openedAtMs).toISOString();
  // An edge that still looks for the owner has seen no epoch yet.
  return {
    codecs: [...codecs],
    since,
    framesIn,
    bytesIn,
    ...(source.epoch === 0 ? {} : { epoch: source.epoch }),
  };
}

function stateOf(owned: OriginStream | undefined, pulled: EdgeStream | undefined): StreamView['state'] {
  if (owned !== undefined) return owned.state === 'live' ? 'live' : 'interrupted';
  if (pulled?.phase === 'live') return 'live';
  return pulled?.phase === 'holding' ? 'interrupted' : 'waiting';
}

function publisherOf(session: PublishSession): NonNullable<StreamView['publisher']> {
  const { remoteAddress: address, protocol } = session.context;
  return { address, protocol, bitsPerSecond: session.stream.stats.bitsPerSecondIn };
}

function publisherView(session: PublishSession): SessionView {
  const { sessionId: id, protocol, remoteAddress } = session.context;
  return {
    id,
    role: 'publisher',
    protocol,
    stream: session.stream.key,
    remoteAddress,
    since: new Date(session.openedAtMs).toISOString(),
    bytes: session.stream.stats.bytesIn,
    droppedFrames: 0,
    lagMs: 0,
  };
}

function viewerView(viewer: Viewer): SessionView {
  const { sessionId: id, protocol, remoteAddress } = viewer.context;
  return {
    id,
    role: 'viewer',
    protocol,
    stream: viewer.stream,
    remoteAddress,
    since: new Date(viewer.openedAtMs).toISOString(),
    bytes: viewer.bytesWritten,
    droppedFrames: viewer.droppedFrames,
    lagMs: Math.round(viewer.lagMs),
  };
}
