import {
  AppError,
  type RouteExplanationView,
  type RouteProtocol,
  type NodeListView,
  type SessionProtocol,
  type SessionView,
  type StreamKey,
  type StreamView,
} from '@headwater/contracts';
import type { Edge, EdgeStream } from '@headwater/edge';
import type { BackupSession, Origin, OriginStream, PublishSession, StreamFollower } from '@headwater/origin';
import type { Router } from '@headwater/router';
import type { JobDesk } from '../admin/job-desk.ts';
import type { NodeView } from '../admin/node-view.ts';
import type { NodeContext } from '../node-context.ts';
import type { MetricValues } from '../prometheus-metrics.ts';
import type { ClusterNodes } from './discovery.ts';
import { doubtsOf } from './doubts.ts';
import type { MembershipService } from './membership-service.ts';
import type { AudienceShare } from '../workers/worker-messages.ts';
import type { WorkerCrew } from '../workers/worker-crew.ts';
import { audienceOf, viewerView } from './viewer-views.ts';

/** What the view looks at. */
export interface RolesViewParts {
  readonly context: NodeContext;
  readonly nodes: ClusterNodes;
  readonly origin: Origin | undefined;
  readonly edge: Edge | undefined;
  /** Who has the viewers where the edge has none itself. */
  readonly crew: WorkerCrew | undefined;
  readonly membership: MembershipService;
  readonly jobs: JobDesk;
  readonly router: Router | undefined;
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

  async streams(): Promise<readonly StreamView[]> {
    const { origin, edge, crew } = this.#parts;
    const audience = crew === undefined ? audienceOf(edge ?? nobody) : await crew.view.audience();
    const keys = new Set<StreamKey>([
      ...(origin?.streams.keys() ?? []),
      ...(origin?.continuity.followed.keys() ?? []),
      ...(edge?.streams.keys() ?? []),
    ]);
    const tallies = tallied(audience);
    return [...keys].sort().map((key) => this.#stream(key, tallies.get(key)));
  }

  async sessions(): Promise<readonly SessionView[]> {
    const { origin, edge, crew } = this.#parts;
    const viewers = crew === undefined ? Array.from((edge ?? nobody).viewers.values(), viewerView) : [];
    return [
      ...Array.from(origin?.sessions ?? [], (session) => publisherView(session, session.stream)),
      ...Array.from(origin?.backupSessions ?? [], (session) => publisherView(session, session)),
      ...viewers,
      ...((await crew?.view.sessions()) ?? []),
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

  async kick(sessionId: string): Promise<boolean> {
    const { origin, edge, crew } = this.#parts;
    const publisher = Array.from(origin?.sessions ?? []).find(
      ({ context }) => context.sessionId === sessionId,
    );
    if (publisher !== undefined) return origin?.kick(publisher.stream.key) ?? false;
    const backup = Array.from(origin?.backupSessions ?? []).find(
      ({ context }) => context.sessionId === sessionId,
    );
    if (backup !== undefined) return origin?.continuity.backups.drop(backup.key, 'kicked') ?? false;
    return crew === undefined ? (edge?.kick(sessionId) ?? false) : crew.view.kick(sessionId);
  }

  explainRoute(stream: StreamKey, protocol: RouteProtocol, from: string): RouteExplanationView {
    const { router } = this.#parts;
    if (router === undefined) throw new AppError('role_missing', { details: { role: 'router' } });
    return router.explain(stream, protocol, from);
  }

  async furtherMetrics(): Promise<readonly MetricValues[]> {
    return (await this.#parts.crew?.view.metrics()) ?? [];
  }

  notReadyReasons(): readonly string[] {
    const { membership, crew, router, nodes } = this.#parts;
    const isBlind = router !== undefined && nodes.nodes().length === 0;
    const blindness = isBlind ? 'the router knows no nodes yet' : undefined;
    return [membership.trouble, crew?.trouble, blindness].filter((reason) => reason !== undefined);
  }

  doubts(): readonly string[] {
    const { context, membership, nodes } = this.#parts;
    const isUnheard = membership.standing.isDoubtful;
    return doubtsOf({ roles: context.roles, isUnheard, isStale: nodes.isStale });
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
}

const nobody: Pick<Edge, 'viewers'> = { viewers: new Map() };

function tallied(audience: readonly AudienceShare[]): ReadonlyMap<string, ViewerTally> {
  const tallies = new Map<string, ViewerTally>();
  for (const { stream, protocol, viewers, bytesOut } of audience) {
    const tally = tallies.get(stream) ?? { byProtocol: {}, bytes: 0 };
    tally.byProtocol[protocol] = (tally.byProtocol[protocol] ?? 0) + viewers;
    tally.bytes += bytesOut;
    tallies.set(stream, tally);
  }
  return tallies;
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
