import { silentLogger } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { expect, it } from 'vitest';
import { UpstreamReporter } from './upstream-reporter.ts';
import { MemoryUpstreamReports } from './upstream-reports-memory.ts';

it('reports a node once a second however many streams were lost, another run of it at once', async () => {
  const clock = new ManualClock();
  const reports = new MemoryUpstreamReports();
  const heard: string[] = [];
  reports.watch(({ node, loss, reporter }) => heard.push(`${node.incarnation} ${loss} ${reporter}`));
  const reporter = new UpstreamReporter({ reports, clock, logger: silentLogger, nodeId: 'e1' });
  for (let stream = 0; stream < 100; stream++) reporter.lost({ nodeId: 'o1', incarnation: 'r1' }, 'broken');
  reporter.lost({ nodeId: 'o1', incarnation: 'r2' }, 'stalled');
  clock.advance(999);
  reporter.lost({ nodeId: 'o1', incarnation: 'r1' }, 'broken');
  clock.advance(1);
  reporter.lost({ nodeId: 'o1', incarnation: 'r1' }, 'broken');
  await Promise.resolve();
  expect(heard).toEqual(['r1 broken e1', 'r2 stalled e1', 'r1 broken e1']);
});

it('goes on when the way of reports is closed', async () => {
  const reports = new MemoryUpstreamReports();
  await reports.close();
  const logged: string[] = [];
  const logger = { ...silentLogger, debug: (_fields: unknown, message: string) => void logged.push(message) };
  const reporter = new UpstreamReporter({ reports, clock: new ManualClock(), logger, nodeId: 'e1' });
  reporter.lost({ nodeId: 'o1', incarnation: 'r1' }, 'broken');
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  expect(logged).toEqual(['lost upstream could not be reported']);
});
