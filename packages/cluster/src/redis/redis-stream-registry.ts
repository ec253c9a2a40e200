// The registry of a cluster, kept by Redis or Valkey. Each method is one script, atomic on the server that has the keys,
// and judges leases by that server's time. Semantics are those of the twin in memory; docs/redis-keys.md has the keys.
import { randomUUID } from 'node:crypto';
import { silentLogger, type Clock, type Logger, type Metrics, type StreamKey } from '@headwater/contracts';
import type { Redis } from 'ioredis';
import { EventFeed } from '../event-feed.ts';
import type {
  EndOrphanRequest,
  ExpelRequest,
  FailoverRegistry,
  FencedOutcome,
  NodeSighting,
  StandbyRequest,
} from '../failover-registry.ts';
import type { JobRegistry } from '../job-registry.ts';
import type { LeaderLease } from '../leader-lease.ts';
import type { NodeRecord, NodeRef } from '../node-record.ts';
import { assertClaimEpochs } from '../ownership.ts';
import type { StreamRecord } from '../stream-record.ts';
import type {
  BackupRequest,
  BackupResult,
  ClaimRequest,
  ClaimResult,
  Heartbeat,
  HeartbeatResult,
  RegistryEvent,
  StreamRegistry,
  StreamUpdate,
  Watch,
} from '../stream-registry.ts';
import { backupStandby } from '../takeover.ts';
import type { UpstreamReports } from '../upstream-reports.ts';
import type { BreakerState } from './circuit-breaker.ts';
import { dial } from './dial.ts';
import { defaultGuardedCallLimits, GuardedCalls, type GuardedCallLimits } from './guarded-calls.ts';
import { OccasionalWarning } from './occasional-warning.ts';
import {
  decodeNode,
  decodeStream,
  encodeAnnouncement,
  encodeBeat,
  encodeCodecs,
  encodeOwned,
  encodeStandby,
  sized,
} from './record-codec.ts';
import { RedisEventLog, type LogSnapshot } from './redis-event-log.ts';
import { RedisFailover, type RunScript } from './redis-failover.ts';
import { RedisJobRegistry } from './redis-job-registry.ts';
import { RedisLeaderLease } from './redis-leader-lease.ts';
import { RedisLink } from './redis-link.ts';
import { RedisOutage, type RedisUse } from './redis-outage.ts';
import type { RedisAccess, RedisServer } from './redis-server.ts';
import { RedisUpstreamReports } from './redis-upstream-reports.ts';
import { RegistryKeys } from './registry-keys.ts';
import { ScriptCaller } from './script-caller.ts';
import { pairsOf, textOf, type ScriptReply } from './script-reply.ts';
import { epochsOf, hasNotJoined, keysOf, readableStream } from './stream-replies.ts';

/** What a Redis registry is made of. */
export interface RedisStreamRegistryOptions {
  readonly clock: Clock;
  readonly server: RedisServer;
  readonly access?: RedisAccess;
  /** What all keys begin with, as their hash tag; default `headwater`. */
  readonly keyPrefix?: string;
  /** How long a node lives without a heartbeat; the same for all nodes; default 4 s. */
  readonly leaseMs?: number;
  /** How many events the log keeps at least for those who were cut off; default 10,000. */
  readonly maxEvents?: number;
  /** How many ended streams keep their own epoch; default 10,000. */
  readonly rememberedStreams?: number;
  readonly limits?: Partial<GuardedCallLimits>;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
}

const done = 1;
const notJoined = -2;
const otherRun = -3;
/** Restoring is rare and must not block the server for long. */
const assertedPerCall = 250;

/** `StreamRegistry` in Redis. Connects by itself; one connection for commands, a second one once there is a watch. */
export class RedisStreamRegistry implements StreamRegistry, FailoverRegistry {
  readonly #options: RedisStreamRegistryOptions;
  readonly #logger: Logger;
  readonly #warning: OccasionalWarning;
  readonly #keys: RegistryKeys;
  readonly #leaseMs: number;
  readonly #limits: GuardedCallLimits;
  readonly #outage: RedisOutage;
  readonly #link: RedisLink;
  readonly #calls: GuardedCalls;
  readonly #scripts: ScriptCaller;
  readonly #feed: EventFeed;
  readonly #failover: RedisFailover;
  readonly #reports: RedisUpstreamReports[] = [];
  readonly #jobs: RedisJobRegistry;
  readonly #run: RunScript = (script, args) =>
    this.#calls.call((client) => this.#scripts.call(client, script, args));
  #log: RedisEventLog | undefined;
  #isClosed = false;

  constructor(options: RedisStreamRegistryOptions) {
    const { clock, logger = silentLogger, leaseMs = 4_000 } = options;
    this.#options = options;
    this.#logger = logger;
    this.#leaseMs = leaseMs;
    this.#warning = new OccasionalWarning(clock, logger);
    this.#keys = new RegistryKeys(options.keyPrefix ?? 'headwater');
    this.#limits = { ...defaultGuardedCallLimits, ...options.limits };
    const { metrics } = options;
    this.#outage = new RedisOutage({ clock, logger, ...(metrics === undefined ? {} : { metrics }) });
    this.#scripts = new ScriptCaller({
      keys: this.#keys,
      leaseMs,
      maxEvents: options.maxEvents ?? 10_000,
      rememberedStreams: options.rememberedStreams ?? 10_000,
      newLife: randomUUID,
      logger,
      warning: this.#warning,
    });
    this.#feed = new EventFeed(logger);
    this.#failover = new RedisFailover(this.#run);
    this.#jobs = new RedisJobRegistry({
      run: this.#run,
      follow: () => {
        this.#followLog();
      },
      logger,
      warning: this.#warning,
    });
    this.#link = this.#makeLink('commands', () => this.#calls.connected());
    this.#calls = new GuardedCalls({
      ...{ clock, logger, link: this.#link, limits: this.#limits, outage: this.#outage },
    });
  }

  /** Whether commands get through. */
  get circuit(): BreakerState {
    return this.#calls.state;
  }

  async join(node: NodeRecord): Promise<void> {
    const { nodeId, incarnation, load, isDraining } = node;
    await this.#run('join', [nodeId, incarnation, encodeAnnouncement(node), encodeBeat(load, isDraining)]);
  }

  async heartbeat(beat: Heartbeat): Promise<HeartbeatResult> {
    const { node, load, isDraining, owned } = beat;
    const args = [node.nodeId, node.incarnation, encodeBeat(load, isDraining)];
    for (const [stream, { epoch, state, codecs }] of owned) {
      args.push(stream, String(epoch), state, encodeCodecs(codecs));
    }
    const { code, values } = await this.#run('heartbeat', args);
    if (code === otherRun) return { outcome: 'superseded' };
    if (code !== done) return { outcome: 'unknown_node' };
    const [lost, missing, surplus] = values;
    const alsoLost = await this.#assert(beat, keysOf(missing));
    if (alsoLost === undefined) return { outcome: 'unknown_node' };
    return { outcome: 'renewed', lost: [...keysOf(lost), ...alsoLost], surplus: epochsOf(surplus) };
  }

  async leave(node: NodeRef): Promise<void> {
    await this.#run('leave', [node.nodeId, node.incarnation]);
  }

  async nodes(): Promise<readonly NodeRecord[]> {
    return this.#readSnapshot(await this.#run('snapshot', ['nodes'])).nodes;
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    const { stream, owner, relayAddress, credential, mayReplace = false } = request;
    const { seenEpoch = 0, servedEpoch = 0, yields = false, backupOf } = request;
    assertClaimEpochs(request);
    sized(`${owner.nodeId}${owner.incarnation}${relayAddress}${credential ?? ''}`, 'claim');
    const { code, values } = await this.#run('claim', [
      stream,
      owner.nodeId,
      owner.incarnation,
      relayAddress,
      credential === undefined ? '0' : '1',
      credential ?? '',
      mayReplace ? '1' : '0',
      String(seenEpoch),
      String(Math.floor(this.#options.clock.wallMs())),
      String(servedEpoch),
      yields ? '1' : '0',
      backupOf === undefined ? '' : String(backupOf),
    ]);
    if (code === notJoined) throw hasNotJoined(owner);
    const record = readableStream(stream, values[0]);
    return code === done ? { outcome: 'claimed', record } : { outcome: 'refused', current: record };
  }

  async update({ stream, owner, epoch, state, codecs }: StreamUpdate): Promise<boolean> {
    const change = [state ?? '', codecs === undefined ? '' : encodeCodecs(codecs)];
    return await this.#changed('update', [stream, owner.nodeId, owner.incarnation, String(epoch), ...change]);
  }

  async release(stream: StreamKey, owner: NodeRef, epoch: number): Promise<boolean> {
    return await this.#changed('release', [stream, owner.nodeId, owner.incarnation, String(epoch)]);
  }

  async declareBackup(request: BackupRequest): Promise<BackupResult> {
    const { stream, epoch, node, relayAddress, credential } = request;
    const { code, values } = await this.#run('declare-backup', [
      stream,
      node.nodeId,
      node.incarnation,
      String(epoch),
      credential === undefined ? '0' : '1',
      credential ?? '',
      encodeStandby(backupStandby(node, relayAddress)),
    ]);
    if (code === notJoined) throw hasNotJoined(node);
    if (code === done) return { outcome: 'declared', record: readableStream(stream, values[0]) };
    return { outcome: 'refused', current: decodeStream(stream, textOf(values[0])) };
  }

  async withdrawBackup(stream: StreamKey, node: NodeRef, epoch: number): Promise<boolean> {
    return await this.#changed('withdraw-backup', [stream, node.nodeId, node.incarnation, String(epoch)]);
  }

  async stream(stream: StreamKey): Promise<StreamRecord | undefined> {
    const { code, values } = await this.#run('read-stream', [stream]);
    return code === done ? this.#decodeStream(stream, textOf(values[0])) : undefined;
  }

  async streams(): Promise<readonly StreamRecord[]> {
    return this.#readSnapshot(await this.#run('snapshot', ['streams'])).streams;
  }

  async fence(token: number): Promise<boolean> {
    return await this.#failover.fence(token);
  }

  async sightings(): Promise<readonly NodeSighting[]> {
    return await this.#failover.sightings();
  }

  async expel(request: ExpelRequest): Promise<FencedOutcome> {
    return await this.#failover.expel(request);
  }

  async setStandby(request: StandbyRequest): Promise<FencedOutcome> {
    return await this.#failover.setStandby(request);
  }

  async endOrphan(request: EndOrphanRequest): Promise<FencedOutcome> {
    return await this.#failover.endOrphan(request);
  }

  /** The lease of leaders in the same store, over the same connection. */
  leaderLease(): LeaderLease {
    return new RedisLeaderLease({ clock: this.#options.clock, leaseMs: this.#leaseMs, run: this.#run });
  }

  /** Edges' reports in the same store, over the same two connections. */
  upstreamReports(): UpstreamReports {
    const reports = new RedisUpstreamReports({
      run: this.#run,
      follow: () => {
        this.#followLog();
      },
      logger: this.#logger,
    });
    this.#reports.push(reports);
    return reports;
  }

  /** The jobs in the same store, over the same two connections. */
  jobRegistry(): JobRegistry {
    return this.#jobs;
  }

  watch(listener: (event: RegistryEvent) => void): Watch {
    this.#followLog();
    return this.#feed.watch(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#feed.close();
    this.#jobs.close();
    this.#log?.close();
    this.#link.close();
    this.#outage.close();
    return Promise.resolve();
  }

  /** Restores what the store has forgotten; the streams that are lost, or undefined when the node has been, too. */
  async #assert({ node, owned }: Heartbeat, missing: readonly StreamKey[]): Promise<StreamKey[] | undefined> {
    const lost: StreamKey[] = [];
    for (let start = 0; start < missing.length; start += assertedPerCall) {
      const args = [node.nodeId, node.incarnation];
      for (const stream of missing.slice(start, start + assertedPerCall)) {
        const said = owned.get(stream);
        if (said !== undefined) args.push(stream, encodeOwned(node, said));
      }
      const { code, values } = await this.#run('assert', args);
      if (code !== done) return undefined;
      lost.push(...keysOf(values[0]));
    }
    return lost;
  }

  async #changed(
    script: 'update' | 'release' | 'withdraw-backup',
    args: readonly string[],
  ): Promise<boolean> {
    return (await this.#run(script, args)).code === done;
  }

  #followLog(): void {
    if (!this.#isClosed) this.#log ??= this.#openLog();
  }

  #makeLink(purpose: RedisUse, onReady?: () => void): RedisLink {
    const { clock, server, access = {} } = this.#options;
    return new RedisLink({
      clock,
      logger: this.#logger.child({ connection: purpose }),
      dial: () =>
        dial({
          server,
          access,
          tag: this.#keys.tag,
          connectMs: 2_000,
          connectionName: `headwater-${purpose}`,
        }),
      onLost: (why) => {
        this.#outage.failed(purpose, why);
      },
      ...(onReady === undefined ? {} : { onReady }),
    });
  }

  #openLog(): RedisEventLog {
    return new RedisEventLog({
      clock: this.#options.clock,
      logger: this.#logger,
      warning: this.#warning,
      outage: this.#outage,
      link: this.#makeLink('events'),
      eventsKey: this.#keys.key('events'),
      clockKey: this.#keys.key('clock'),
      snapshot: async (client: Redis) =>
        this.#readSnapshot(await this.#scripts.call(client, 'snapshot', ['all'])),
      emit: (event) => {
        this.#feed.emit(event);
      },
      reported: (report) => {
        for (const reports of this.#reports) reports.heard(report);
      },
      jobChanged: (event) => {
        this.#jobs.heard(event);
      },
      graceMs: this.#leaseMs,
      commandMs: this.#limits.commandMs,
      blockMs: 5_000,
    });
  }

  #readSnapshot({ values }: ScriptReply): LogSnapshot {
    const [life, seq, oldestId, newestId, nodes, streams] = values;
    return {
      life: textOf(life),
      seq: Number(textOf(seq)),
      oldestId: textOf(oldestId),
      newestId: textOf(newestId),
      nodes: pairsOf(nodes).flatMap(([announcement, beat]) => this.#decodeNode(announcement, beat) ?? []),
      streams: pairsOf(streams).flatMap(([key, record]) => this.#decodeStream(key, record) ?? []),
    };
  }

  #decodeNode(announcement: string, beat: string): NodeRecord | undefined {
    const node = decodeNode(announcement, beat);
    if (node === undefined) this.#ignored('node', announcement);
    return node;
  }

  #decodeStream(key: string, text: string): StreamRecord | undefined {
    const record = decodeStream(key, text);
    if (record === undefined) this.#ignored('stream', key);
    return record;
  }

  #ignored(what: string, name: string): void {
    this.#warning.warn({ ignored: [`${what} ${name.slice(0, 100)}`] }, 'registry holds unreadable data');
  }
}
