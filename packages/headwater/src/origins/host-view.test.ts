import { AppError, type JobView } from '@headwater/contracts';
import type { NodeRef } from '@headwater/cluster';
import { ManualClock } from '@headwater/contracts/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { PrometheusMetrics } from '../prometheus-metrics.ts';
import { sessionView, streamView } from '../testing/node-fixture.ts';
import { HostView, type AskedOrigin } from './host-view.ts';
import type { OriginQuestions } from './origin-messages.ts';

type Answers = { -readonly [What in keyof OriginQuestions]: OriginQuestions[What]['answer'] };

function job(id: string, over: Partial<JobView> = {}): JobView {
  return { id, kind: 'pull', source: 'rtsp://camera/main', stream: 'live/a', ...over };
}

/** An origin that answers what it was told to, or nothing. */
class FakeOrigin implements AskedOrigin {
  readonly metrics = new PrometheusMetrics();
  readonly node: NodeRef;
  isReady = true;
  isMute = false;
  bytesWritten = 0;
  cpuMicros = 0;
  answers: Partial<Answers> = {};

  constructor(nodeId: string) {
    this.node = { nodeId, incarnation: `${nodeId} run 1` };
  }

  async ask<What extends keyof OriginQuestions>(
    what: What,
    argument: OriginQuestions[What]['argument'],
  ): Promise<OriginQuestions[What]['answer']> {
    if (this.isMute) throw new Error('no answer');
    const answers: Answers = {
      sessions: [sessionView(this.node.nodeId, { role: 'publisher' })],
      streams: [],
      nodes: { items: [], isStale: false },
      metrics: await this.metrics.values(),
      kick: argument === this.node.nodeId,
      jobs: [],
      addJob: { isNew: true, job: job(this.node.nodeId) },
      removeJob: true,
      ...this.answers,
    };
    return answers[what];
  }
}

let origins: [FakeOrigin, FakeOrigin];
let metrics: PrometheusMetrics;
let view: HostView<FakeOrigin>;

beforeEach(() => {
  origins = [new FakeOrigin('o-1'), new FakeOrigin('o-2')];
  metrics = new PrometheusMetrics();
  const crew = {
    members: origins,
    get ready() {
      return origins.filter(({ isReady }) => isReady);
    },
    nodes: origins.map(({ node }) => node),
    nodeOf: ({ node }: FakeOrigin) => node,
    reasons: ['a reason'],
    doubts: [],
  };
  view = new HostView({ origins: crew, clock: new ManualClock(), metrics });
});

describe('HostView', () => {
  it('shows what all origins have, and kicks at the one that is meant', async () => {
    expect((await view.sessions()).map(({ id }) => id)).toEqual(['o-1', 'o-2']);
    expect([await view.kick('o-2'), await view.kick('o-3')]).toEqual([true, false]);
    expect(view.origins().map(({ nodeId }) => nodeId)).toEqual(['o-1', 'o-2']);
    expect(view.notReadyReasons()).toEqual(['a reason']);
  });

  it.each([0, 1])(
    'shows a stream that one origin owns and another one follows as its owner does',
    async (index) => {
      const owner = origins[index]?.node.nodeId ?? '';
      origins[0].answers.streams = [
        streamView('live/b', { owner, framesIn: 0 }),
        streamView('live/c', { owner: 'o-1' }),
      ];
      origins[1].answers.streams = [
        streamView('live/a', { owner: 'o-2' }),
        streamView('live/b', { owner, framesIn: 1 }),
      ];
      const streams = await view.streams();
      expect(streams.map(({ key }) => key)).toEqual(['live/a', 'live/b', 'live/c']);
      expect(streams[1]?.framesIn).toBe(index);
    },
  );

  it('leaves out, and counts, an origin that does not answer; one that does not serve yet is not asked', async () => {
    origins[0].isMute = true;
    origins[1].isReady = false;
    expect([await view.sessions(), await view.streams()]).toEqual([[], []]);
    expect(await metrics.render()).toContain('headwater_worker_unanswered_total 2');
  });

  it('shows jobs as those origins see them that do them, and asks one to change them', async () => {
    const run = { state: 'running', attempts: 1, sinceMs: 5 } as const;
    origins[0].answers.jobs = [job('live:a', { node: 'o-2' }), job('live:b', { node: 'elsewhere' })];
    origins[1].answers.jobs = [job('live:a', { node: 'o-2', run }), job('live:b', { node: 'elsewhere' })];
    expect(await view.jobs.list()).toEqual([
      job('live:a', { node: 'o-2', run }),
      job('live:b', { node: 'elsewhere' }),
    ]);
    expect(await view.jobs.remove('live:a')).toBe(true);
  });

  it('asks another origin for what all know when one does not answer, but not when it says why it cannot', async () => {
    origins[0].isMute = true;
    origins[1].answers = { nodes: { items: [], isStale: true }, jobs: [job('live:a')] };
    expect(await view.nodes()).toEqual({ items: [], isStale: true });
    expect(await view.jobs.list()).toEqual([job('live:a')]);
    origins[1].isMute = true;
    await expect(view.nodes()).rejects.toMatchObject({ code: 'internal' });
    const asked = vi.spyOn(origins[1], 'ask');
    origins[0].ask = async () => Promise.reject(new AppError('registry_unavailable'));
    await expect(view.jobs.list()).rejects.toMatchObject({ code: 'registry_unavailable' });
    expect(asked).not.toHaveBeenCalled();
  });

  it('says that the registry cannot be asked, and lists no nodes, while no origin serves', async () => {
    for (const origin of origins) origin.isReady = false;
    await expect(view.jobs.list()).rejects.toMatchObject({ code: 'registry_unavailable' });
    expect(await view.nodes()).toEqual({ items: [], isStale: true });
  });

  it('sums what origins count, but not what each of them knows of the cluster', async () => {
    for (const origin of origins) {
      origin.metrics.counter({ name: 'headwater_publish_bytes_total', help: 'B.' }).add(100);
      origin.metrics.gauge({ name: 'headwater_discovery_nodes', help: 'N.' }).set(5);
    }
    const shown = async (): Promise<string> => metrics.render(await view.furtherMetrics());
    expect(await shown()).toMatch(/headwater_publish_bytes_total 200\n/);
    expect(await shown()).toMatch(/headwater_discovery_nodes 5\n/);
    const [gone] = origins.splice(0, 1);
    if (gone !== undefined) view.retire(gone);
    expect(await shown()).toMatch(/headwater_publish_bytes_total 200\n/);
  });
});
