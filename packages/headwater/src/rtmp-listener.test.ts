import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { silentLogger } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { expect, it } from 'vitest';
import { noteProxiedClient } from './client-address.ts';
import { PrometheusMetrics } from './prometheus-metrics.ts';
import { RtmpListener } from './rtmp-listener.ts';

it('what a proxy took for its header is taken of the time for the handshake', async () => {
  const clock = new ManualClock();
  const metrics = new PrometheusMetrics();
  const listener = new RtmpListener({
    clock,
    logger: silentLogger,
    metrics,
    apps: ['live'],
    origin: undefined,
    edge: undefined,
    forwarder: undefined,
    session: { limits: { connectMs: 10_000 } },
    failed: () => undefined,
  });
  listener.server.prependListener('connection', (socket) => {
    noteProxiedClient(socket, { address: '192.0.2.1', sinceMs: clock.nowMs() - 9_000 });
  });
  await new Promise<void>((resolve) => listener.server.listen(0, '127.0.0.1', resolve));
  const accepted = once(listener.server, 'connection');
  const { port } = listener.server.address() as AddressInfo;
  const proxy = connect({ port, host: '127.0.0.1' });
  await accepted;
  clock.advance(999);
  expect(await metrics.render()).not.toContain('reason="timeout"');
  clock.advance(1);
  expect(await metrics.render()).toContain('headwater_rtmp_connections_closed_total{reason="timeout"} 1');
  proxy.destroy();
  listener.cutConnections();
  await new Promise((resolve) => listener.server.close(resolve));
});
