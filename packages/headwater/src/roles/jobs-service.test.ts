import { MemoryStreamRegistry, type JobRegistry } from '@headwater/cluster';
import { testJob, testNode } from '@headwater/cluster/testing';
import { compileConfig, silentLogger, silentMetrics } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { Origin, pullCredential } from '@headwater/origin';
import { TestPublisher } from '@headwater/origin/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openAccess } from '../access/open-access.ts';
import { PrometheusMetrics } from '../prometheus-metrics.ts';
import { testContext } from '../testing/node-fixture.ts';
import { JobsService } from './jobs-service.ts';

const node = testNode('n1');
// Nobody listens there.
const job = testJob('live/a', 'rtmp://u:hush@127.0.0.1:1/live/a');

let clock: ManualClock;
let jobs: JobRegistry;
let origin: Origin;
let service: JobsService;
let metrics: PrometheusMetrics;

beforeEach(async () => {
  clock = new ManualClock();
  metrics = new PrometheusMetrics();
  const registry = new MemoryStreamRegistry({ clock, leaseMs: 1_000_000 });
  jobs = registry.jobRegistry();
  await registry.join(node);
  const { nodeId, incarnation } = node;
  origin = new Origin({
    clock,
    logger: silentLogger,
    metrics: silentMetrics,
    registry,
    access: openAccess,
    node: { nodeId, incarnation },
    relayAddress: () => '127.0.0.1:1',
    ring: {},
    holdMs: 1_000,
    maxPublishers: 10,
  });
  const config = compileConfig({ limits: { jobs: 1 } }, { defaultNodeId: nodeId });
  const context = testContext({ clock, metrics, config, node: { nodeId, incarnation } });
  service = new JobsService(context, { jobs, origin });
  await service.start();
});

afterEach(async () => {
  await service.stop();
});

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    await new Promise(setImmediate);
    clock.advance(20);
  }
}

it('adds a job, has the only node run it, and shows how it stands without its password', async () => {
  const shown = { id: 'live:a', kind: 'pull', source: 'rtmp://u:***@127.0.0.1:1/live/a', stream: 'live/a' };
  expect(await service.add(job)).toEqual({ isNew: true, job: shown });
  await settle();
  expect(await service.list()).toMatchObject([{ ...shown, node: 'n1', run: { attempts: 1 } }]);
  expect(JSON.stringify(await service.list())).not.toContain('hush');
  expect(await service.add(job)).toMatchObject({ isNew: false });
});

it('refuses another source for the stream, one job too many, and an application that is not served', async () => {
  await service.add(job);
  const conflict = service.add(testJob('live/a', 'rtmp://elsewhere/live/a'));
  await expect(conflict).rejects.toThrow('(job=live:a, source=rtmp://u:***@127.0.0.1:1/live/a)');
  await expect(service.add(testJob('live/b'))).rejects.toMatchObject({ code: 'limit_reached' });
  await expect(service.add(testJob('tv/a'))).rejects.toMatchObject({ code: 'app_unknown' });
  expect(await metrics.render()).toContain('headwater_job_changes_total{change="add",outcome="full"} 1');
});

it('ends the stream of a job that is removed, and not that of somebody else', async () => {
  const publish = async (ownCredential?: string): Promise<TestPublisher> => {
    const publisher = new TestPublisher('live/a');
    const context = { sessionId: 's', protocol: 'rtmp' as const, remoteAddress: '' };
    await origin.publish(publisher, {
      ...context,
      ...(ownCredential === undefined ? {} : { ownCredential }),
    });
    return publisher;
  };
  await service.add(job);
  await settle();
  const own = await publish(pullCredential(job));
  expect(await service.remove('live:a')).toBe(true);
  expect(await service.remove('live:a')).toBe(false);
  await settle();
  expect(own.closedFor).toBe('kicked');
  own.leave('kicked');

  await service.add(job);
  await settle();
  const other = await publish();
  await service.remove('live:a');
  await settle();
  expect(other.closedFor).toBeUndefined();
});
