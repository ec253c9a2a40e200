import { silentLogger, silentMetrics } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { expect, it, onTestFinished } from 'vitest';
import { json, ScriptedConsul } from '../testing/consul-script.ts';
import { ConsulClient } from './consul-client.ts';
import { Nearness } from './nearness.ts';
import { OutageLog } from './outage-log.ts';

it('a datacenter whose coordinates could not be read is no outage any more once it is forgotten', async () => {
  const consul = await ScriptedConsul.start((request, response) => {
    const isGone = request.url?.includes('dc=gone') === true;
    if (isGone) response.writeHead(500).end('no path to datacenter');
    else json([])(request, response);
  });
  onTestFinished(() => consul.close());
  const client = new ConsulClient({ url: consul.url });
  const clock = new ManualClock();
  const said: string[] = [];
  const note = (_fields: unknown, message: string): void => void said.push(message);
  const logger = { ...silentLogger, warn: note, info: note };
  const outages = new OutageLog({ clock, logger, metrics: silentMetrics, needs: '' });
  let datacenters = ['here', 'gone'];
  const nearness = new Nearness({
    ...{ client, clock, outages, periodMs: 10_000 },
    datacenters: () => datacenters,
  });
  await nearness.refresh();
  expect(said).toEqual(['consul is away']);
  datacenters = ['here'];
  await nearness.refresh();
  expect(said).toEqual(['consul is away', 'consul is back']);
  nearness.close();
  client.close();
  expect(clock.pendingTimers).toBe(0);
});
