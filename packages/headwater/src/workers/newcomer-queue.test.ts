import { Socket } from 'node:net';
import { ManualClock } from '@headwater/contracts/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PrometheusMetrics } from '../prometheus-metrics.ts';
import { NewcomerQueue } from './newcomer-queue.ts';
import type { Newcomer } from './worker-process.ts';

const maxWaitMs = 5_000;
let clock: ManualClock;
let metrics: PrometheusMetrics;
let queue: NewcomerQueue;
let released: Newcomer[];

function newcomer(): Newcomer {
  const coming: Newcomer = { port: 'rtmp', socket: new Socket(), release: () => released.push(coming) };
  return coming;
}

beforeEach(() => {
  clock = new ManualClock();
  metrics = new PrometheusMetrics();
  released = [];
  queue = new NewcomerQueue({ clock, metrics, maxNewcomers: 3, maxWaitMs });
});

afterEach(() => {
  queue.close();
  expect(clock.pendingTimers).toBe(0);
});

describe('NewcomerQueue', () => {
  it('hands out in the order of coming, without those that have left', () => {
    const [first, second, third] = [newcomer(), newcomer(), newcomer()];
    for (const coming of [first, second, third]) queue.add(coming);
    first.socket.destroy();
    expect(queue.next()).toBe(second);
    expect(queue.next()).toBe(third);
    expect(queue.next()).toBeUndefined();
    expect(released).toEqual([first]);
  });

  it('turns away who comes while too many wait, and counts it', async () => {
    for (let count = 0; count < 3; count++) queue.add(newcomer());
    const last = newcomer();
    queue.add(last);
    expect([last.socket.destroyed, queue.size]).toEqual([true, 3]);
    expect(released).toEqual([last]);
    const text = await metrics.render();
    expect(text).toContain('headwater_connections_refused_total{port="rtmp",limit="free_worker"} 1');
  });

  it('turns away who has waited for too long, and nobody who has not', () => {
    const early = newcomer();
    queue.add(early);
    clock.advance(maxWaitMs - 1_000);
    const late = newcomer();
    queue.add(late);
    clock.advance(1_000);
    expect([early.socket.destroyed, late.socket.destroyed]).toEqual([true, false]);
    expect(released).toEqual([early]);
    expect(queue.next()).toBe(late);
  });

  it('turns all away at its end, and whoever comes after it', () => {
    const [waiting, after] = [newcomer(), newcomer()];
    queue.add(waiting);
    queue.close();
    queue.add(after);
    expect(released).toEqual([waiting, after]);
    expect([waiting.socket.destroyed, after.socket.destroyed]).toEqual([true, true]);
  });
});
