import { setImmediate } from 'node:timers/promises';
import { ManualClock } from '@headwater/contracts/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { PrometheusMetrics } from '../prometheus-metrics.ts';
import { sessionView } from '../testing/node-fixture.ts';
import { CrewView, type AskedWorker } from './crew-view.ts';
import type { WorkerQuestions } from './worker-messages.ts';

/** A worker with its own metrics and one viewer, that answers or does not. */
class Worker implements AskedWorker {
  readonly metrics = new PrometheusMetrics();
  readonly name: string;
  isReady = true;
  isMute = false;
  bytesWritten = 0;
  cpuMicros = 0;

  constructor(name: string) {
    this.name = name;
  }

  count(bytes: number): void {
    this.metrics.counter({ name: 'headwater_play_bytes_total', help: 'B.' }).add(bytes);
    this.metrics.gauge({ name: 'headwater_viewers', help: 'V.' }).set(1);
    this.metrics.histogram({ name: 'headwater_lag', help: 'L.', buckets: [1] }).observe(0.5);
  }

  async ask<What extends keyof WorkerQuestions>(
    what: What,
    argument: WorkerQuestions[What]['argument'],
  ): Promise<WorkerQuestions[What]['answer']> {
    if (this.isMute) throw new Error('no answer');
    const answers = {
      sessions: [sessionView(this.name)],
      audience: [{ stream: 'live/a', protocol: 'rtmp', viewers: 1, bytesOut: 10 }],
      metrics: await this.metrics.values(),
      kick: argument === this.name,
    } as const;
    return answers[what];
  }
}

let workers: Worker[];
let node: PrometheusMetrics;
let view: CrewView;
let clock: ManualClock;

beforeEach(() => {
  workers = [new Worker('a'), new Worker('b')];
  node = new PrometheusMetrics();
  clock = new ManualClock();
  view = new CrewView({ clock, metrics: node, workers: () => workers });
});

async function shown(): Promise<string> {
  return node.render(await view.metrics());
}

function kill(): void {
  const gone = workers.shift();
  if (gone !== undefined) view.retire(gone);
}

describe('CrewView', () => {
  it('shows the viewers of all workers, and kicks the one that is meant', async () => {
    expect((await view.sessions()).map(({ id }) => id)).toEqual(['a', 'b']);
    expect(await view.audience()).toHaveLength(2);
    expect([await view.kick('b'), await view.kick('c')]).toEqual([true, false]);
  });

  it('leaves out, and counts, a worker that does not answer; one that does not serve yet is not asked', async () => {
    const [mute, starting] = workers;
    if (mute !== undefined) mute.isMute = true;
    if (starting !== undefined) starting.isReady = false;
    expect(await view.sessions()).toEqual([]);
    expect(await node.render()).toContain('headwater_worker_unanswered_total 1');
  });

  it('sums what the workers have measured, and forgets no total of one that is gone', async () => {
    for (const worker of workers) worker.count(100);
    expect(await shown()).toMatch(/headwater_play_bytes_total 200\n/);
    expect(await shown()).toMatch(/headwater_viewers 2\n/);
    kill();
    workers.push(new Worker('a'));
    workers.at(-1)?.count(1);
    const text = await shown();
    expect(text).toMatch(/headwater_play_bytes_total 201\n/);
    expect(text).toMatch(/headwater_viewers 2\n/);
    expect(text).toMatch(/headwater_lag_count 3\n/);
    kill();
    kill();
    expect(await shown()).toMatch(/headwater_play_bytes_total 201\n/);
  });

  it('knows what a worker had counted some seconds before it died, although nobody asked', async () => {
    for (const worker of workers) worker.count(100);
    clock.advance(5_000);
    await setImmediate();
    kill();
    expect(await shown()).toMatch(/headwater_play_bytes_total 200\n/);
    view.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('shows a worker that does not answer as it was last', async () => {
    for (const worker of workers) worker.count(100);
    await shown();
    for (const worker of workers) worker.isMute = true;
    expect(await shown()).toMatch(/headwater_play_bytes_total 200\n/);
  });

  it('adds up what was written and used, those that are gone included', () => {
    for (const worker of workers) [worker.bytesWritten, worker.cpuMicros] = [10, 5];
    kill();
    expect([view.bytesWritten, view.cpuMicros]).toEqual([20, 10]);
    kill();
    expect([view.bytesWritten, view.cpuMicros]).toEqual([20, 10]);
  });
});
