import { silentLogger, type Logger } from '@headwater/contracts';
import { expect, it } from 'vitest';
import { upstreamReportsConformance } from './testing/index.ts';
import { MemoryUpstreamReports } from './upstream-reports-memory.ts';

upstreamReportsConformance('MemoryUpstreamReports', async () => {
  const reports = new MemoryUpstreamReports();
  return Promise.resolve({ reports: () => reports, close: async () => reports.close() });
});

it('goes on telling others when a listener throws, and logs it', async () => {
  const logged: string[] = [];
  const logger: Logger = { ...silentLogger, error: (_fields, message) => logged.push(message) };
  const reports = new MemoryUpstreamReports({ logger });
  const heard: string[] = [];
  reports.watch(() => {
    throw new Error('broken listener');
  });
  reports.watch(({ reporter }) => heard.push(reporter));
  await reports.report({ node: { nodeId: 'n', incarnation: 'r' }, loss: 'broken', reporter: 'e1' });
  await Promise.resolve();
  expect([heard, logged]).toEqual([['e1'], ['listener of upstream reports threw']]);
});
