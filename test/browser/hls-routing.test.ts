// HLS players before a router. Edges serve no HLS yet: where they are said to be reached there is a server of a recording.
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openPage, startChromium } from '../support/chromium.ts';
import { probe } from '../support/ffmpeg.ts';
import { type RunningHeadwater, startHeadwater } from '../support/headwater.ts';
import { type HlsOrigin, makeHlsRecording, startHlsOrigin } from '../support/hls-origin.ts';
import { startRedis } from '../support/redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const player = fileURLToPath(import.meta.resolve('hls.js/dist/hls.min.js'));

const patience = { timeoutMs: 20_000 };

let router: RunningHeadwater;
const edges: { readonly node: RunningHeadwater; readonly hls: HlsOrigin }[] = [];

beforeAll(async () => {
  const [redis, recording] = await Promise.all([startRedis(), makeHlsRecording()]);
  const registry = {
    'registry.kind': 'redis',
    'registry.redis.url': redis.url,
    'registry.heartbeat': '500ms',
    'registry.lease': '2s',
  };
  router = await startHeadwater({ role: 'router', set: { ...registry, 'router.steeringTtl': '1s' } });
  const steering = router.httpUrl('/steering/live/cam1.json?token=t');
  for (const edge of ['edge-1', 'edge-2']) {
    const hls = await startHlsOrigin(recording, { steering, edge });
    const set = { ...registry, 'node.id': edge, 'http.publicUrl': hls.url };
    edges.push({ hls, node: await startHeadwater({ role: 'edge', set }) });
  }
  await waitUntil('the router knows both edges', async () => {
    const { items } = await router.adminJson<{ items: readonly unknown[] }>('/api/v1/nodes');
    return items.length === 3;
  });
});

/** The edge at which a stream was asked for, and the other one. */
function used(): readonly [(typeof edges)[number], (typeof edges)[number]] {
  const index = edges.findIndex(({ hls }) => hls.asked.some((path) => path.startsWith('/live/cam1/index')));
  return [edges[index]!, edges[1 - index]!];
}

function segmentsOf({ hls }: (typeof edges)[number]): number {
  return hls.asked.filter((path) => path.includes('segment')).length;
}

describe('a player of HLS', () => {
  it('follows the redirect with its token, and has all else from the edge', async () => {
    const { packets } = await probe(router.httpUrl('/live/cam1/index.m3u8?token=t'));
    expect(packets).toHaveLength(30 * 25);
    const [first, other] = used();
    expect(first.hls.asked.slice(0, 2)).toEqual([
      '/live/cam1/index.m3u8?token=t&hop=1',
      '/live/cam1/media.m3u8',
    ]);
    expect(segmentsOf(first)).toBe(30);
    expect(other.hls.asked).toEqual([]);
  });

  it('in a browser is steered to another edge when its own drains', async () => {
    const [first, other] = used();
    const { page, problems } = await openPage(await startChromium(), `${first.hls.url}/`);
    const before = segmentsOf(first);
    await play(page, router.httpUrl('/live/cam1/index.m3u8?token=t'));
    await waitUntil('the player has segments of the edge', () => segmentsOf(first) > before, patience);
    expect(segmentsOf(other)).toBe(0);
    await fetch(first.node.adminUrl('/api/v1/drain'), { method: 'POST' });
    await waitUntil('the player has segments of the other edge', () => segmentsOf(other) > 0, patience);
    const steps = await page.evaluate<readonly string[]>('window.steps');
    expect(steps).toEqual([first.node.ready.nodeId, other.node.ready.nodeId]);
    // What was on its way from the first edge is given up.
    expect(problems.filter((problem) => !problem.endsWith('net::ERR_ABORTED'))).toEqual([]);
  });
});

// A short buffer: the player has something to load for as long as it plays.
async function play(page: Page, url: string): Promise<void> {
  await page.addScriptTag({ path: player });
  await page.evaluate(`(() => {
    const hls = new Hls({ maxBufferLength: 1, maxMaxBufferLength: 1 });
    window.steps = [];
    hls.on(Hls.Events.STEERING_MANIFEST_LOADED, (_, { steeringManifest }) => {
      const [first] = steeringManifest['PATHWAY-PRIORITY'];
      if (window.steps.at(-1) !== first) window.steps.push(first);
    });
    const video = document.querySelector('video');
    hls.loadSource('${url}');
    hls.attachMedia(video);
    void video.play();
  })()`);
}
