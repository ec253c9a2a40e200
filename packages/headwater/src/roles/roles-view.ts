import type { NodeListView, SessionProtocol, SessionView, StreamKey, StreamView } from '@headwater/contracts';
import type { Edge, EdgeStream, Viewer } from '@headwater/edge';
import type { BackupSession, Origin, OriginStream, PublishSession, StreamFollower } from '@headwater/origin';
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
    const keys = new Set<StreamKey>([
      ...(origin?.streams.keys() ?? []),
      ...(origin?.continuity.followed.keys() ?? []),
      ...(edge?.streams.keys() ?? []),
    ]);
    const tallies = this.#tallyViewers();
    return [...keys].sort().map((key) => this.#stream(key, tallies.get(key)));
  }

  sessions(): readonly SessionView[] {
    const { origin, edge } = this.#parts;
    return [
      ...Array.from(origin?.sessions ?? [], (session) => publisherView(session, session.stream)),
      ...Array.from(origin?.backupSessions ?? [], (session) => publisherView(session, session)),
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
    const backup = Array.from(origin?.backupSessions ?? []).find(
      ({ context }) => context.sessionId === sessionId,
    );
    if (backup !== undefined) return origin?.continuity.backups.drop(backup.key, 'kicked') ?? false;
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
    const followed = origin?.continuity.followed.get(key);
    const session = origin?.sessionOf(key);
    const owner = owned === undefined ? ownerOf(pulled, followed) : context.node.nodeId;
    return {
      key,
      state: stateOf(owned, pulled, followed),
      viewers: tally?.byProtocol ?? {},
      bytesOut: tally?.bytes ?? 0,
      ...sourceView(owned ?? pulled ?? followed),
      ...this.#continuityView(key),
      ...(owner === undefined ? {} : { owner }),
      ...(session === undefined ? {} : { publisher: publisherOf(session) }),
    };
  }

  #continuityView(key: StreamKey): Pick<StreamView, 'standby' | 'hasBackup'> {
    const { origin, context } = this.#parts;
    if (origin === undefined) return {};
    const { followed, backups } = origin.continuity;
    const isOwned = origin.streams.has(key);
    const standby = isOwned ? origin.continuity.standbyOf(key)?.nodeId : context.node.nodeId;
    const hasBackup = isOwned ? origin.continuity.hasBackup(key) : backups.all.has(key);
    return {
      ...(standby === undefined || !(isOwned || followed.has(key)) ? {} : { standby }),
      ...(hasBackup ? { hasBackup } : {}),
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

function sourceView(source: OriginStream | EdgeStream | StreamFollower | undefined): SourceView {
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

function ownerOf(pulled: EdgeStream | undefined, followed: StreamFollower | undefined): string | undefined {
  return pulled?.owner ?? followed?.owner;
}

function stateOf(
  owned: OriginStream | undefined,
  pulled: EdgeStream | undefined,
  followed: StreamFollower | undefined,
): StreamView['state'] {
  const onOrigin = owned ?? (pulled === undefined ? followed : undefined);
  if (onOrigin !== undefined) return onOrigin.state === 'live' ? 'live' : 'interrupted';
  if (pulled?.phase === 'live') return 'live';
  return pulled?.phase === 'holding' ? 'interrupted' : 'waiting';
}

function publisherOf(session: PublishSession): NonNullable<StreamView['publisher']> {
  const { remoteAddress: address, protocol } = session.context;
  return { address, protocol, bitsPerSecond: session.stream.stats.bitsPerSecondIn };
}

function publisherView(
  { context, openedAtMs }: PublishSession | BackupSession,
  { key, stats }: Pick<OriginStream, 'key' | 'stats'>,
): SessionView {
  const { sessionId: id, protocol, remoteAddress } = context;
  return {
    id,
    role: 'publisher',
    protocol,
    stream: key,
    remoteAddress,
    since: new Date(openedAtMs).toISOString(),
    bytes: stats.bytesIn,
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
