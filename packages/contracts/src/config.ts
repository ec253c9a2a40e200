// What the program reads: plain values with their units in the names, checked against each other, frozen. Made once at
// start; packages below the program get plain option objects built from it.
import { checkConfig } from './config-check.ts';
import { configKeyAbove, configKeys, configSections } from './config-keys.ts';
import { ConfigError, nearestWord, type ConfigProblem } from './config-problem.ts';
import { configSchema, type ConfigSettings } from './config-schema.ts';
import { pullJob, type PullJob } from './pull-job.ts';
import { parseStreamKey } from './stream-key.ts';
import type * as z from 'zod';

/** An address to listen on. `host` undefined means all interfaces. */
export interface ListenConfig {
  readonly host: string | undefined;
  readonly port: number;
}

/** For one action: everybody, or whoever has one of these keys; undefined: this entry does not say. */
export type AccessKeys = 'open' | readonly string[] | undefined;

/** An address of a server. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** The Redis that holds the registry. */
export interface RedisConfig {
  readonly server:
    | { readonly kind: 'single'; readonly url: string }
    | { readonly kind: 'sentinel'; readonly sentinels: readonly HostPort[]; readonly master: string }
    | { readonly kind: 'cluster'; readonly nodes: readonly HostPort[] };
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly hasTls: boolean;
  readonly keyPrefix: string;
}

/** The Consul in which nodes find each other. Files are paths. */
export interface ConsulConfig {
  readonly url: string;
  readonly token: string | undefined;
  readonly service: string;
  /** Undefined: all. */
  readonly datacenters: readonly string[] | undefined;
  readonly tls: {
    readonly caFile: string | undefined;
    readonly certFile: string | undefined;
    readonly keyFile: string | undefined;
    readonly serverName: string | undefined;
  };
}

/** How viewers are sent to edges. */
export interface RouterConfig {
  readonly networks: readonly {
    readonly network: string;
    readonly zone: string;
    readonly region: string | undefined;
  }[];
  /** A path. */
  readonly geoDatabase: string | undefined;
  readonly trustedProxies: readonly string[];
  /** Shares of one. */
  readonly rules: { readonly balance: number; readonly spreadFrom: number; readonly fullAt: number };
  readonly steeringTtlMs: number;
}

/** The compiled configuration. */
export interface Config {
  readonly node: {
    readonly id: string;
    /** Undefined: the first address of the machine. */
    readonly address: string | undefined;
    readonly zone: string;
    readonly region: string;
    /** In degrees. */
    readonly coordinates: { readonly latitude: number; readonly longitude: number } | undefined;
    readonly drainDeadlineMs: number;
    readonly stopDeadlineMs: number;
  };
  /** Processes that serve viewers; with the role origin alone, as many origins. */
  readonly workers: 'auto' | number;
  readonly apps: readonly string[];
  readonly holdMs: number;
  readonly rtmp: ListenConfig & { readonly publicUrl: string | undefined };
  readonly http: ListenConfig & {
    readonly publicUrl: string | undefined;
    readonly hasPage: boolean;
    readonly corsOrigins: readonly string[];
  };
  readonly admin: ListenConfig;
  readonly relay: ListenConfig & {
    /** `host` or `host:port`; undefined: to be chosen from the listening address. */
    readonly advertise: string | undefined;
    readonly openingTimeoutMs: number;
    readonly keepaliveMs: number;
    readonly keepaliveTimeoutMs: number;
  };
  readonly proxyProtocol: {
    /** Addresses and networks. */
    readonly trusted: readonly string[];
    readonly ports: readonly ('rtmp' | 'http')[];
  };
  readonly publish: { readonly isEverySecondBackup: boolean; readonly backupAfterMs: number };
  readonly controller: { readonly hasStandbys: boolean };
  readonly router: RouterConfig;
  readonly edge: { readonly shield: 'auto' | 'always' | 'off' };
  readonly registry: {
    readonly heartbeatMs: number;
    readonly leaseMs: number;
    /** Undefined: the embedded registry. */
    readonly redis: RedisConfig | undefined;
  };
  readonly discovery: {
    /** Undefined: by the heartbeats in the registry. */
    readonly consul: ConsulConfig | undefined;
  };
  readonly gopCache: {
    readonly maxFrames: number;
    readonly maxBytes: number;
    readonly maxDurationMs: number;
  };
  readonly viewer: {
    readonly waitForStreamMs: number;
    readonly lingerMs: number;
    readonly softBacklogBytes: number;
    readonly softDelayMs: number;
    readonly hardBacklogBytes: number;
    readonly hardDelayMs: number;
    readonly latency: 'normal' | 'low';
  };
  readonly fanOut: {
    readonly immediateBelowViewers: number;
    readonly mergeMs: number;
    readonly manyViewers: number;
    readonly manyMergeMs: number;
    readonly lowLatencyMergeMs: number;
  };
  readonly limits: {
    readonly connections: number;
    readonly connectionsPerAddress: number;
    readonly newConnectionsPerAddressPerSecond: number;
    readonly exemptAddresses: readonly string[];
    readonly publishers: number;
    readonly viewers: number;
    /** 0 is none. */
    readonly egressBitsPerSecond: number;
    /** 0 is none. */
    readonly loopLagMs: number;
    /** 0 is none. */
    readonly loopBusyShare: number;
    readonly streams: number;
    readonly handshakeMs: number;
    readonly idleMs: number;
    readonly publisherSilenceMs: number;
    readonly messageBytes: number;
    readonly unfinishedMessageBytes: number;
    readonly chunkStreams: number;
    readonly jobs: number;
  };
  /** What origins fetch by themselves. */
  readonly jobs: readonly PullJob[];
  readonly access: {
    readonly kind: 'open' | 'keys';
    readonly keys: Readonly<Record<string, { readonly publish: AccessKeys; readonly play: AccessKeys }>>;
  };
  readonly log: {
    readonly level: 'debug' | 'info' | 'warn' | 'error';
    readonly format: 'auto' | 'json' | 'pretty';
  };
}

/** What compiling needs to know beside the values. */
export interface CompileOptions {
  /** Used where `node.id` is not set. */
  readonly defaultNodeId: string;
  /** Where the value at a dotted path comes from, for messages. */
  readonly sourceOf?: (path: string) => string | undefined;
}

/** Parses, fills in defaults, cross-checks and freezes. Throws `ConfigError` with every problem found. */
export function compileConfig(input: unknown, options: CompileOptions): Config {
  const sourceOf = options.sourceOf ?? (() => undefined);
  const parsed = configSchema.safeParse(input);
  if (!parsed.success) throw new ConfigError(problemsOf(parsed.error, input, sourceOf));
  const conflicts = checkConfig(parsed.data).map((problem) => withSource(problem, sourceOf));
  if (conflicts.length > 0) throw new ConfigError(conflicts);
  return freeze(compiled(parsed.data, options.defaultNodeId));
}

// What only this process can find, only this process has to reach.
const relayBindOf: Readonly<Record<ConfigSettings['registry']['kind'], string | undefined>> = {
  embedded: '127.0.0.1',
  redis: undefined,
};

function redisOf({ kind, redis }: ConfigSettings['registry']): RedisConfig | undefined {
  if (kind === 'embedded') return undefined;
  const { username, password, tls: hasTls, keyPrefix } = redis;
  return { server: redisServerOf(redis), username, password, hasTls, keyPrefix };
}

function consulOf({ kind, consul }: ConfigSettings['discovery']): ConsulConfig | undefined {
  if (kind === 'registry') return undefined;
  const { url = 'http://127.0.0.1:8500', token, service, datacenters, tls } = consul;
  const { caFile, certFile, keyFile, serverName } = tls;
  return {
    url,
    token,
    service,
    datacenters: datacenters.length === 0 ? undefined : datacenters,
    tls: { caFile, certFile, keyFile, serverName },
  };
}

function routerOf(router: ConfigSettings['router']): RouterConfig {
  const { networks, geoDatabase, trustedProxies, balance, spreadFrom, fullAt, steeringTtl } = router;
  return {
    networks: networks.map(({ network, zone, region }) => ({ network, zone, region })),
    geoDatabase,
    trustedProxies,
    rules: { balance: balance / 100, spreadFrom: spreadFrom / 100, fullAt: fullAt / 100 },
    steeringTtlMs: steeringTtl,
  };
}

function coordinatesOf(text: string | undefined): Config['node']['coordinates'] {
  if (text === undefined) return undefined;
  const [latitude = NaN, longitude = NaN] = text.split(',').map(Number);
  return { latitude, longitude };
}

function redisServerOf(redis: ConfigSettings['registry']['redis']): RedisConfig['server'] {
  if (redis.url !== undefined) return { kind: 'single', url: redis.url };
  if (redis.nodes.length > 0) return { kind: 'cluster', nodes: redis.nodes.map(hostPortOf) };
  return { kind: 'sentinel', sentinels: redis.sentinels.map(hostPortOf), master: redis.master };
}

function hostPortOf(text: string): HostPort {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

function compiled(settings: ConfigSettings, defaultNodeId: string): Config {
  const { node, rtmp, http, admin, relay, registry, gopCache, viewer, fanOut, limits, access } = settings;
  const listen = (section: { port: number; bind?: string | undefined }): ListenConfig => {
    const host = section.bind ?? settings.bind;
    return { host: host === '*' ? undefined : host, port: section.port };
  };
  return {
    node: {
      id: node.id ?? defaultNodeId,
      address: node.address,
      zone: node.zone,
      region: node.region,
      coordinates: coordinatesOf(node.coordinates),
      drainDeadlineMs: node.drainDeadline,
      stopDeadlineMs: node.stopDeadline,
    },
    workers: settings.workers,
    apps: settings.apps,
    holdMs: settings.hold,
    rtmp: { ...listen(rtmp), publicUrl: rtmp.publicUrl },
    http: { ...listen(http), publicUrl: http.publicUrl, hasPage: http.page, corsOrigins: http.corsOrigins },
    admin: listen(admin),
    relay: {
      ...listen({ port: relay.port, bind: relay.bind ?? relayBindOf[registry.kind] }),
      advertise: relay.advertise,
      openingTimeoutMs: relay.openingTimeout,
      keepaliveMs: relay.keepalive,
      keepaliveTimeoutMs: relay.keepaliveTimeout,
    },
    proxyProtocol: settings.proxyProtocol,
    publish: {
      isEverySecondBackup: settings.publish.secondArrival === 'backup',
      backupAfterMs: settings.publish.backupAfter,
    },
    edge: settings.edge,
    controller: { hasStandbys: settings.controller.standby === 'all' },
    router: routerOf(settings.router),
    registry: { heartbeatMs: registry.heartbeat, leaseMs: registry.lease, redis: redisOf(registry) },
    discovery: { consul: consulOf(settings.discovery) },
    gopCache: {
      maxFrames: gopCache.maxFrames,
      maxBytes: gopCache.maxSize,
      maxDurationMs: gopCache.maxDuration,
    },
    viewer: {
      waitForStreamMs: viewer.waitForStream,
      lingerMs: viewer.linger,
      softBacklogBytes: viewer.softBacklog,
      softDelayMs: viewer.softDelay,
      hardBacklogBytes: viewer.hardBacklog,
      hardDelayMs: viewer.hardDelay,
      latency: viewer.latency,
    },
    fanOut: {
      immediateBelowViewers: fanOut.immediateBelowViewers,
      mergeMs: fanOut.merge,
      manyViewers: fanOut.manyViewers,
      manyMergeMs: fanOut.manyMerge,
      lowLatencyMergeMs: fanOut.lowLatencyMerge,
    },
    limits: compiledLimits(limits),
    jobs: settings.jobs.map(({ pull, stream }) => pullJob(pull, parseStreamKey(stream))),
    access: {
      kind: access.kind,
      keys: Object.fromEntries(
        Object.entries(access.keys).map(([name, entry]) => [
          name,
          { publish: entry.publish, play: entry.play },
        ]),
      ),
    },
    log: settings.log,
  };
}

function compiledLimits(limits: ConfigSettings['limits']): Config['limits'] {
  return {
    connections: limits.connections,
    connectionsPerAddress: limits.connectionsPerAddress,
    newConnectionsPerAddressPerSecond: limits.newConnectionsPerAddress,
    exemptAddresses: limits.exemptAddresses,
    publishers: limits.publishers,
    viewers: limits.viewers,
    egressBitsPerSecond: limits.egressMbps * 1_000_000,
    loopLagMs: limits.loopLag,
    loopBusyShare: limits.loopBusy / 100,
    streams: limits.streams,
    handshakeMs: limits.handshake,
    idleMs: limits.idle,
    publisherSilenceMs: limits.publisherSilence,
    messageBytes: limits.message,
    unfinishedMessageBytes: limits.unfinishedMessages,
    chunkStreams: limits.chunkStreams,
    jobs: limits.jobs,
  };
}

type SourceOf = (path: string) => string | undefined;

function problemsOf(error: z.ZodError, input: unknown, sourceOf: SourceOf): ConfigProblem[] {
  const problems = new Map<string, ConfigProblem>();
  const add = (problem: ConfigProblem): void => {
    if (!problems.has(problem.key)) problems.set(problem.key, withSource(problem, sourceOf));
  };
  for (const issue of error.issues) {
    const isUnknownKey = issue.code === 'unrecognized_keys';
    if (isUnknownKey && configKeyAbove(issue.path) === undefined) {
      for (const name of issue.keys) add(unknownKey([...issue.path, name].join('.')));
    } else {
      add(wrongValue(isUnknownKey ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path, input));
    }
  }
  return [...problems.values()];
}

function unknownKey(path: string): ConfigProblem {
  const names = [...configKeys, ...configSections].map((known) => known.path);
  const suggestion = nearestWord(path, names);
  return { key: path, expected: 'a known key', ...(suggestion === undefined ? {} : { suggestion }) };
}

function wrongValue(path: readonly PropertyKey[], input: unknown): ConfigProblem {
  const key = configKeyAbove(path);
  const name = path.map(String).join('.');
  let value = input;
  for (const part of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[part];
  const shown = key?.isSecret === true ? '(not shown)' : shownValue(key?.redact?.(value) ?? value);
  const within = configKeys.filter((known) => known.path.startsWith(`${name}.`)).map((known) => known.path);
  const expected = key?.expected ?? (name === '' ? 'keys and values' : `a section with ${within.join(', ')}`);
  return { key: name === '' ? 'configuration' : name, value: shown, expected };
}

function shownValue(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 100);
}

function withSource(problem: ConfigProblem, sourceOf: SourceOf): ConfigProblem {
  const source = sourceOf(problem.key);
  return source === undefined ? problem : { ...problem, source };
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value;
}
