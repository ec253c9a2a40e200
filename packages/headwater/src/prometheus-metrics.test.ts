import { ManualClock } from '@headwater/contracts/testing';
import { describe, expect, it } from 'vitest';
import { PrometheusMetrics } from './prometheus-metrics.ts';

describe('PrometheusMetrics', () => {
  it('renders counters, gauges and histograms with their labels', async () => {
    const metrics = new PrometheusMetrics();
    const labels = ['reason'];
    metrics
      .counter({ name: 'headwater_closed_total', help: 'Closed.', labels })
      .add(2, { reason: 'timeout' });
    metrics.gauge({ name: 'headwater_viewers', help: 'Viewers.' }).set(7);
    metrics.histogram({ name: 'headwater_wait_seconds', help: 'Wait.', buckets: [1] }).observe(0.5);
    const text = await metrics.render();
    expect(text).toContain('headwater_closed_total{reason="timeout"} 2');
    expect(text).toContain('headwater_viewers 7');
    expect(text).toContain('headwater_wait_seconds_bucket{le="1"} 1');
  });

  it('returns the same metric when a name is asked for again', async () => {
    const metrics = new PrometheusMetrics();
    const options = { name: 'headwater_x_total', help: 'X.' };
    metrics.counter(options).add(1);
    metrics.counter(options).add(1);
    expect(await metrics.render()).toContain('headwater_x_total 2');
    expect(() => metrics.gauge(options)).toThrow('metric headwater_x_total is already a counter');
  });

  it('measures how late the event loop is, and how busy', async () => {
    const metrics = new PrometheusMetrics();
    const clock = new ManualClock();
    const timer = metrics.measureEventLoop(clock, () => 400 + clock.nowMs() * 1.25);
    clock.advance(1000);
    timer.cancel();
    clock.advance(1000);
    expect(await metrics.render()).toContain('headwater_event_loop_lag_seconds_count 10');
    expect(await metrics.render()).toContain('headwater_event_loop_busy_seconds_total 1.25');
  });

  it('sums what several processes count, and keeps of the first when it was started', async () => {
    const [node, worker] = [new PrometheusMetrics(), new PrometheusMetrics()];
    for (const metrics of [node, worker]) {
      metrics.measureProcess();
      metrics.gauge({ name: 'headwater_viewers', help: 'Viewers.' }).set(2);
    }
    const startOf = (text: string): string | undefined =>
      /^process_start_time_seconds (.*)$/m.exec(text)?.[1];
    const merged = await node.render([await worker.values()]);
    expect(merged).toContain('headwater_viewers 4');
    expect(startOf(await node.render())).toBeDefined();
    expect(startOf(merged)).toBe(startOf(await node.render()));
  });

  it('measures the process when asked', async () => {
    const metrics = new PrometheusMetrics();
    metrics.measureProcess();
    const text = await metrics.render();
    expect(text).toContain('process_resident_memory_bytes');
    expect(text.match(/^nodejs_eventloop_lag_\w+/gm)).toEqual(['nodejs_eventloop_lag_seconds']);
  });
});
