import { describe, expect, it } from 'vitest';
import { isAppServed } from './app-patterns.ts';
import { compileConfig } from './config.ts';
import { configKey, configKeyOfEnv, configKeys } from './config-keys.ts';
import { ConfigError, configProblemText } from './config-problem.ts';
import { configJsonSchema } from './config-schema.ts';

const options = { defaultNodeId: 'host-1' };

function problemsWith(input: unknown): string[] {
  try {
    compileConfig(input, options);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(configProblemText);
    throw error;
  }
  throw new Error('the configuration was accepted');
}

const redisRegistry = { registry: { kind: 'redis', redis: { url: 'redis://a' } } };

describe('compileConfig', () => {
  it('fills in every default when nothing is set', () => {
    const config = compileConfig({}, options);
    expect(config).toMatchObject({
      node: { id: 'host-1', zone: 'default', region: 'default', drainDeadlineMs: 0, stopDeadlineMs: 10_000 },
      apps: ['live'],
      holdMs: 15_000,
      rtmp: { host: undefined, port: 1935 },
      http: { port: 8080, hasPage: true, corsOrigins: ['*'] },
      admin: { port: 9090 },
      relay: { port: 50_051, advertise: undefined, keepaliveTimeoutMs: 2000 },
      registry: { heartbeatMs: 900, leaseMs: 4000, redis: undefined },
      gopCache: { maxFrames: 2500, maxBytes: 16_777_216, maxDurationMs: 15_000 },
      viewer: { waitForStreamMs: 10_000, lingerMs: 20_000, softBacklogBytes: 1_048_576, hardDelayMs: 10_000 },
      fanOut: { immediateBelowViewers: 300, mergeMs: 100, manyViewers: 1500, manyMergeMs: 350 },
      limits: { connectionsPerAddress: 256, newConnectionsPerAddressPerSecond: 64, messageBytes: 10_485_760 },
      proxyProtocol: { trusted: [], ports: ['rtmp', 'http'] },
      access: { kind: 'open', keys: {} },
    });
  });

  it('has what routers go by in shares and degrees', () => {
    const router = { balance: 10, networks: [{ network: '10.0.0.0/8', zone: 'a' }] };
    const config = compileConfig({ node: { coordinates: '-33.9, 151.2' }, router }, options);
    expect(config.node.coordinates).toEqual({ latitude: -33.9, longitude: 151.2 });
    expect(config.router).toMatchObject({
      rules: { balance: 0.1, spreadFrom: 0.01, fullAt: 0.9 },
      networks: [{ network: '10.0.0.0/8', zone: 'a', region: undefined }],
      steeringTtlMs: 60_000,
    });
  });

  it.each([
    [{ node: { coordinates: '91,0' } }, 'node.coordinates'],
    [{ node: { coordinates: '52.5' } }, 'node.coordinates'],
    [{ http: { publicUrl: 'http://h/path' } }, 'http.publicUrl'],
    [{ rtmp: { publicUrl: 'http://h' } }, 'rtmp.publicUrl'],
    [{ router: { networks: [{ network: '10.0.0/8', zone: 'a' }] } }, 'router.networks.0.network'],
    [{ router: { geoDatabase: 'cities.mmdb' } }, 'router.geoDatabase'],
    [{ router: { balance: 0 } }, 'router.balance'],
  ])('refuses %j for %s', (input, key) => {
    expect(problemsWith(input)).toEqual([expect.stringMatching(new RegExp(`^${key} is `))]);
  });

  it('freezes the result at every depth', () => {
    const config = compileConfig({ apps: ['live', 'event'] }, options);
    expect(Object.isFrozen(config.apps)).toBe(true);
    expect(Object.isFrozen(config.relay)).toBe(true);
  });

  it.each([
    ['15s', 15_000],
    ['500ms', 500],
    ['0.5s', 500],
    ['1m', 60_000],
    [2, 2000],
    ['2', 2000],
  ])('reads the duration %j as %d ms', (hold, ms) => {
    expect(compileConfig({ hold }, options).holdMs).toBe(ms);
  });

  it.each([
    ['1MiB', 1_048_576],
    ['1MB', 1_000_000],
    ['512KiB', 524_288],
    [1_000_000, 1_000_000],
  ])('reads the size %j as %d bytes', (softBacklog, bytes) => {
    expect(compileConfig({ viewer: { softBacklog } }, options).viewer.softBacklogBytes).toBe(bytes);
  });

  it('takes the general address where a port does not name its own', () => {
    const config = compileConfig({ bind: '127.0.0.1', admin: { bind: '*' } }, options);
    expect(config.rtmp.host).toBe('127.0.0.1');
    expect(config.admin.host).toBeUndefined();
  });

  it('allows port 0 for several listeners', () => {
    const ports = { rtmp: { port: 0 }, http: { port: 0 }, admin: { port: 0 }, relay: { port: 0 } };
    expect(compileConfig(ports, options).relay.port).toBe(0);
  });
});

describe('compileConfig with wrong input', () => {
  it.each<[string, unknown, string]>([
    [
      'a word for a port',
      { rtmp: { port: 'abc' } },
      'rtmp.port is "abc": expected a port number from 0 to 65535',
    ],
    ['a port out of range', { rtmp: { port: 65_536 } }, 'rtmp.port is 65536: expected a port number'],
    ['a fraction for a port', { rtmp: { port: 1.5 } }, 'rtmp.port is 1.5: expected a port number'],
    ['a number for a section', { rtmp: 5 }, 'rtmp is 5: expected a section with rtmp.port, rtmp.bind'],
    ['a list for everything', [], 'configuration is []: expected keys and values'],
    ['an unknown section', { rtmpp: {} }, 'rtmpp: expected a known key; did you mean rtmp?'],
    ['an unknown key', { rtmp: { prot: 1 } }, 'rtmp.prot: expected a known key; did you mean rtmp.port?'],
    ['an unknown unit', { hold: '15 parsecs' }, 'hold is "15 parsecs": expected a duration from 0s to 60s'],
    ['a duration that is too long', { hold: '61s' }, 'hold is "61s": expected a duration from 0s to 60s'],
    ['a negative duration', { hold: -1 }, 'hold is -1: expected a duration'],
    ['a wrong size', { limits: { message: '1TB' } }, 'limits.message is "1TB": expected a size from 64KiB'],
    [
      'an unknown word',
      { log: { level: 'loud' } },
      'log.level is "loud": expected one of debug, info, warn, error',
    ],
    [
      'a registry that is not there',
      { registry: { kind: 'etcd' } },
      'registry.kind is "etcd": expected one of embedded, redis',
    ],
    ['Redis without a server', { registry: { kind: 'redis' } }, 'registry.redis: expected exactly one of'],
    [
      'Redis in two ways',
      { registry: { kind: 'redis', redis: { url: 'redis://a', nodes: ['b:1'] } } },
      'registry.redis: expected exactly one of',
    ],
    [
      'a Redis that would not be used',
      { registry: { redis: { url: 'redis://a' } } },
      'registry.kind is "embedded": expected redis',
    ],
    [
      'a Consul that would not be used',
      { discovery: { consul: { url: 'http://a:8500' } } },
      'discovery.kind is "registry": expected consul',
    ],
    [
      'Consul without a registry for all',
      { discovery: { kind: 'consul' } },
      'registry.kind is "embedded": expected redis, as discovery.kind is consul',
    ],
    [
      'a password in the URL of Consul, which is not shown',
      { discovery: { kind: 'consul', consul: { url: 'http://me:secret@a:8500' } } },
      'discovery.consul.url is (not shown): expected a URL such as',
    ],
    [
      'a token with a blank, which is not shown',
      { discovery: { kind: 'consul', consul: { token: 'a b' } } },
      'discovery.consul.token is (not shown): expected 1 to 1024 characters',
    ],
    [
      'TLS for a Consul that does not speak it',
      { ...redisRegistry, discovery: { kind: 'consul', consul: { tls: { caFile: '/ca.pem' } } } },
      'discovery.consul.url: expected a URL that begins with https',
    ],
    [
      'a certificate without its key',
      {
        ...redisRegistry,
        discovery: { kind: 'consul', consul: { url: 'https://a', tls: { certFile: '/a' } } },
      },
      'discovery.consul.tls: expected certFile and keyFile together',
    ],
    ['text for a flag', { http: { page: 'yes' } }, 'http.page is "yes": expected true or false'],
    ['a bad application name', { apps: ['a/b'] }, 'apps.0 is "a/b": expected a list of application names'],
    [
      'a bad network',
      { limits: { exemptAddresses: ['10.0.0.0/64'] } },
      'limits.exemptAddresses.0 is "10.0.0.0/64": expected a list of IP',
    ],
    [
      'a trusted proxy that is no address',
      { proxyProtocol: { trusted: ['balancer'] } },
      'proxyProtocol.trusted.0 is "balancer": expected a list of IP addresses or networks',
    ],
    [
      'a port that proxies do not come to',
      { proxyProtocol: { ports: ['relay'] } },
      'proxyProtocol.ports.0 is "relay": expected a list of rtmp and http',
    ],
    ['a bad node name', { node: { id: 'a b' } }, 'node.id is "a b": expected 1 to 128 of'],
    ['one port twice', { http: { port: 1935 } }, 'http.port is 1935: expected another port than rtmp.port'],
    [
      'a lease that is too short',
      { registry: { lease: '1s' } },
      'registry.lease is 1000ms: expected at least twice',
    ],
    [
      'a hard limit below the soft one',
      { viewer: { hardDelay: '1s' } },
      'viewer.hardDelay is 1000ms: expected more',
    ],
    ['keys without entries', { access: { kind: 'keys' } }, 'access.keys: expected at least one entry'],
    ['entries without keys', { access: { keys: { live: {} } } }, 'access.kind is "open": expected keys'],
  ])('names key, value and what was expected for %s', (_, input, message) => {
    const problems = problemsWith(input);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });

  it('reports every problem at once', () => {
    expect(problemsWith({ rtmp: { port: -1 }, htttp: {}, hold: true })).toHaveLength(3);
  });

  it('says where a value comes from', () => {
    const compile = (): unknown =>
      compileConfig({ hold: 'x' }, { ...options, sourceOf: () => 'a.yaml line 3' });
    expect(compile).toThrow('hold is "x" (a.yaml line 3): expected a duration');
  });

  it('never shows a secret', () => {
    const [problem] = problemsWith({ access: { kind: 'keys', keys: { live: { publish: 'hunter2' } } } });
    expect(problem).toContain('access.keys.live.publish is (not shown)');
    expect(problem).not.toContain('hunter2');
  });

  it('names an unknown word inside an entry of keys', () => {
    const [problem] = problemsWith({ access: { kind: 'keys', keys: { live: { watch: 'open' } } } });
    expect(problem).toContain('access.keys.live.watch');
  });
});

describe('the keys', () => {
  it('have distinct environment names that lead back to them', () => {
    for (const key of configKeys) expect(configKeyOfEnv(key.envName)).toBe(key);
    expect(configKey('limits.connectionsPerAddress')?.envName).toBe(
      'HEADWATER_LIMITS_CONNECTIONS_PER_ADDRESS',
    );
  });

  it('are all described', () => {
    expect(configKeys.filter((key) => key.description === '')).toEqual([]);
  });

  it('have defaults that the JSON Schema repeats', () => {
    const schema = configJsonSchema() as {
      properties: { rtmp: { properties: { port: { default: number } } } };
    };
    expect(schema.properties.rtmp.properties.port.default).toBe(configKey('rtmp.port')?.defaultValue);
  });
});

describe('jobs', () => {
  const job = { pull: 'rtsp://admin:hush@camera.example/main', stream: 'live/cam1' };

  it('are made of a source and a stream', () => {
    const { jobs } = compileConfig({ jobs: [job] }, options);
    expect(jobs).toEqual([{ id: 'live:cam1', kind: 'pull', source: job.pull, stream: job.stream }]);
  });

  it.each([
    [
      { ...job, pull: 'http://admin:hush@h/main' },
      'jobs.0.pull is "http://admin:***@h/main": expected a list of',
    ],
    [
      { ...job, pull: 'rtsp://admin:hu/sh@h/main' },
      'jobs.0.pull is "rtsp://admin:***@h/main": expected a list of',
    ],
    [
      { ...job, stream: 'cam1' },
      'jobs.0.stream is "cam1": expected a list of { pull: URL, stream: app/name }',
    ],
    [{ ...job, stream: 'live/..' }, 'jobs.0.stream is "live/.."'],
    [{ pull: job.pull }, 'jobs.0.stream is missing'],
    [{ ...job, to: 'x' }, 'jobs.0.to is "x"'],
    [{ ...job, stream: 'tv/a' }, 'jobs.0.stream is "tv/a": expected a stream of one of apps (live)'],
  ])('%j is refused', (wrong, problem) => {
    const [text = ''] = problemsWith({ jobs: [wrong] });
    expect(text).toContain(problem);
    expect(text).not.toContain('hush');
  });

  it('are refused for the same stream twice, and beyond their limit', () => {
    const twice = [job, { ...job, pull: 'rtsp://other/' }];
    expect(problemsWith({ jobs: twice })).toEqual([
      'jobs.1.stream is "live/cam1": expected another stream than the jobs above it',
    ]);
    expect(problemsWith({ jobs: [job], limits: { jobs: 0 } })).toEqual([
      'jobs is a list of 1: expected at most limits.jobs (0)',
    ]);
  });
});

describe('isAppServed', () => {
  it.each([
    [['live'], 'live', true],
    [['live'], 'live2', false],
    [['live*'], 'live2', true],
    [['*'], 'anything', true],
    [[], 'live', false],
  ])('with %j says of %s: %s', (patterns, app, isServed) => {
    expect(isAppServed(patterns, app)).toBe(isServed);
  });
});

describe('the servers of a registry', () => {
  const compiledRedis = (redis: object): unknown =>
    compileConfig({ registry: { kind: 'redis', redis } }, { defaultNodeId: 'host-1' }).registry.redis?.server;

  it('are one by its URL, a master that Sentinels name, or the nodes of a Cluster', () => {
    expect(compiledRedis({ url: 'redis://r:1/2' })).toEqual({ kind: 'single', url: 'redis://r:1/2' });
    expect(compiledRedis({ sentinels: ['a:1', '[::1]:2'], master: 'm' })).toEqual({
      kind: 'sentinel',
      sentinels: [
        { host: 'a', port: 1 },
        { host: '::1', port: 2 },
      ],
      master: 'm',
    });
    expect(compiledRedis({ nodes: ['a:1'] })).toEqual({ kind: 'cluster', nodes: [{ host: 'a', port: 1 }] });
  });
});

describe('the Consul of a cluster', () => {
  const compiledConsul = (consul: object): unknown =>
    compileConfig({ ...redisRegistry, discovery: { kind: 'consul', consul } }, { defaultNodeId: 'host-1' })
      .discovery.consul;

  it('is the agent on this machine unless told, and all its datacenters', () => {
    expect(compiledConsul({})).toMatchObject({
      url: 'http://127.0.0.1:8500',
      service: 'headwater',
      datacenters: undefined,
    });
    expect(compiledConsul({ datacenters: ['north'] })).toMatchObject({ datacenters: ['north'] });
  });

  it('is none where the registry says who is there', () => {
    expect(compileConfig({}, { defaultNodeId: 'host-1' }).discovery.consul).toBeUndefined();
  });
});
