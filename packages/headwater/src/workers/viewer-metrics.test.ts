import { expect, it } from 'vitest';
import { PrometheusMetrics } from '../prometheus-metrics.ts';
import { viewerMetrics } from './viewer-metrics.ts';

it('of what an edge measures that counts which the node does not count itself', async () => {
  const metrics = new PrometheusMetrics();
  const counted = viewerMetrics(metrics);
  counted.counter({ name: 'headwater_play_bytes_total', help: 'B.' }).add(3);
  counted.gauge({ name: 'headwater_viewers', help: 'V.' }).set(2);
  counted.gauge({ name: 'headwater_edge_streams', help: 'S.' }).set(1);
  counted.counter({ name: 'headwater_viewers_total', help: 'T.' }).add(1);
  counted.histogram({ name: 'headwater_event_loop_lag_seconds', help: 'L.', buckets: [1] }).observe(0.5);
  const names = (await metrics.values()).map(({ name }) => name);
  expect(names).toEqual([
    'headwater_play_bytes_total',
    'headwater_viewers',
    'headwater_event_loop_lag_seconds',
  ]);
});
