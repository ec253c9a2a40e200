// Checks between keys: each value is fine by itself, but not together with another.
import { isAppServed } from './app-patterns.ts';
import type { ConfigProblem } from './config-problem.ts';
import type { ConfigSettings } from './config-schema.ts';

/** Everything that does not fit together, the key named being the one to change. */
export function checkConfig(settings: ConfigSettings): ConfigProblem[] {
  const { registry, viewer, fanOut, limits } = settings;
  return [
    ...expect(registry.heartbeat * 2 <= registry.lease, {
      key: 'registry.lease',
      value: `${registry.lease}ms`,
      expected: `at least twice registry.heartbeat (${registry.heartbeat}ms)`,
    }),
    ...expect(viewer.softBacklog < viewer.hardBacklog, {
      key: 'viewer.hardBacklog',
      value: `${viewer.hardBacklog}B`,
      expected: `more than viewer.softBacklog (${viewer.softBacklog}B)`,
    }),
    ...expect(viewer.softDelay < viewer.hardDelay, {
      key: 'viewer.hardDelay',
      value: `${viewer.hardDelay}ms`,
      expected: `more than viewer.softDelay (${viewer.softDelay}ms)`,
    }),
    ...expect(fanOut.immediateBelowViewers <= fanOut.manyViewers, {
      key: 'fanOut.manyViewers',
      value: String(fanOut.manyViewers),
      expected: `at least fanOut.immediateBelowViewers (${fanOut.immediateBelowViewers})`,
    }),
    ...expect(limits.message <= limits.unfinishedMessages, {
      key: 'limits.unfinishedMessages',
      value: `${limits.unfinishedMessages}B`,
      expected: `at least limits.message (${limits.message}B)`,
    }),
    ...checkRedis(settings),
    ...checkDiscovery(settings),
    ...checkAccess(settings),
    ...checkJobs(settings),
    ...checkPorts(settings),
  ];
}

function checkRedis({ registry }: ConfigSettings): ConfigProblem[] {
  const { url, sentinels, nodes } = registry.redis;
  const given = [url !== undefined, sentinels.length > 0, nodes.length > 0].filter(Boolean).length;
  if (registry.kind === 'redis') {
    const expected = 'exactly one of registry.redis.url, .sentinels and .nodes, as registry.kind is redis';
    return expect(given === 1, { key: 'registry.redis', expected });
  }
  const expected = 'redis, as registry.redis names a server: it would not be used';
  return expect(given === 0, { key: 'registry.kind', value: `"${registry.kind}"`, expected });
}

function checkDiscovery({ discovery, registry }: ConfigSettings): ConfigProblem[] {
  const { url = '', token, tls } = discovery.consul;
  if (discovery.kind === 'registry') {
    const expected = 'consul, as discovery.consul says how to reach it: it would not be used';
    const isUnused = url === '' && token === undefined;
    return expect(isUnused, { key: 'discovery.kind', value: '"registry"', expected });
  }
  const usesTls = Object.values(tls).some((value) => value !== undefined);
  return [
    ...expect(registry.kind === 'redis', {
      key: 'registry.kind',
      value: `"${registry.kind}"`,
      expected: 'redis, as discovery.kind is consul: who owns which stream is not kept in Consul',
    }),
    ...expect(!usesTls || url.startsWith('https:'), {
      key: 'discovery.consul.url',
      expected: 'a URL that begins with https, as discovery.consul.tls is set',
    }),
    ...expect((tls.certFile === undefined) === (tls.keyFile === undefined), {
      key: 'discovery.consul.tls',
      expected: 'certFile and keyFile together, or none of them',
    }),
  ];
}

function checkJobs({ jobs, apps, limits }: ConfigSettings): ConfigProblem[] {
  const problems = expect(jobs.length <= limits.jobs, {
    key: 'jobs',
    value: `a list of ${jobs.length}`,
    expected: `at most limits.jobs (${limits.jobs})`,
  });
  const seen = new Set<string>();
  for (const [index, { stream }] of jobs.entries()) {
    const problem = { key: `jobs.${index}.stream`, value: JSON.stringify(stream) };
    const [app = ''] = stream.split('/');
    if (seen.has(stream)) problems.push({ ...problem, expected: 'another stream than the jobs above it' });
    else if (!isAppServed(apps, app)) {
      problems.push({ ...problem, expected: `a stream of one of apps (${apps.join(', ')})` });
    }
    seen.add(stream);
  }
  return problems;
}

function checkAccess({ access }: ConfigSettings): ConfigProblem[] {
  const hasKeys = Object.keys(access.keys).length > 0;
  if (access.kind === 'keys' && !hasKeys) {
    return [
      {
        key: 'access.keys',
        expected: 'at least one entry, as access.kind is keys: nobody could publish or play',
      },
    ];
  }
  if (access.kind === 'open' && hasKeys) {
    return [
      {
        key: 'access.kind',
        value: '"open"',
        expected: 'keys, as access.keys has entries: they would protect nothing',
      },
    ];
  }
  return [];
}

function checkPorts(settings: ConfigSettings): ConfigProblem[] {
  const taken = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  for (const name of ['rtmp', 'http', 'admin', 'relay'] as const) {
    const { port, bind = settings.bind } = settings[name];
    const address = `${bind}:${port}`;
    const other = taken.get(address);
    if (port === 0) continue;
    if (other === undefined) taken.set(address, name);
    else {
      problems.push({
        key: `${name}.port`,
        value: String(port),
        expected: `another port than ${other}.port`,
      });
    }
  }
  return problems;
}

function expect(isFine: boolean, problem: ConfigProblem): ConfigProblem[] {
  return isFine ? [] : [problem];
}
