// A node that sends as much as it may turns newcomers away with an answer that says why; those who watch keep their stream.
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import type { NodeListView } from '@headwater/contracts';
import { testFrames } from '@headwater/media/testing';
import { defer } from '../support/cleanup.ts';
import { startHeadwater, type RunningHeadwater } from '../support/headwater.ts';
import { complaintsAbout } from '../support/media-delivery.ts';
import { isMedia } from '../support/media-fixtures.ts';
import { metricOf } from '../support/media-metrics.ts';
import { MediaPublisher } from '../support/media-publisher.ts';
import { watch, watchAll } from '../support/media-viewers.ts';
import { waitUntil } from '../support/wait-until.ts';

it('a newcomer beyond the egress limit is refused, and let in when there is room again', async () => {
  const node = await startHeadwater({ set: { 'limits.egressMbps': '1' } });
  const publisher = await MediaPublisher.start(node.rtmpUrl('live/a'));
  const frames = testFrames({ seconds: 60, gopSeconds: 1 });
  let sent = 0;
  const send = async (count: number): Promise<void> => {
    await publisher.send(frames.slice(sent, sent + count));
    sent += count;
  };
  await send(100);
  const watching = ['rtmp', 'http-flv', 'ws-flv'] as const;
  const viewers = watching.map((output) => watch(node, output, 'live/a'));
  await waitUntil('all three see the stream', () => viewers.every((viewer) => viewer.frames.some(isMedia)));
  const url = node.flvUrl('live/a');
  const status = async (): Promise<number> => (await fetch(url, { method: 'HEAD' })).status;
  await waitUntil('the node sends more than it may', async () => {
    await send(40);
    return (await status()) === 503;
  });
  const refused = await fetch(url);
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).not.toBeNull();
  expect(await refused.text()).toContain('limit_reached');
  const seen = viewers.map((viewer) => viewer.frames.length);
  await send(40);
  await waitUntil('those who watch go on', () =>
    viewers.every((viewer, index) => viewer.frames.length >= (seen[index] ?? 0) + 40),
  );
  expect(viewers.map(({ end }) => end)).toEqual([undefined, undefined, undefined]);
  const metrics = await (await fetch(node.adminUrl('/metrics'))).text();
  expect(metrics).toMatch(/headwater_play_overload_refusals_total\{limit="egress"\} [1-9]/);
  await waitUntil('there is room again', async () => (await status()) === 200);
});

it('a newcomer beyond the number of viewers is refused by each protocol in its own words, and nobody else notices', async () => {
  const node = await startHeadwater({ set: { 'limits.viewers': 3 } });
  const publisher = await MediaPublisher.start(node.rtmpUrl('live/a'));
  const frames = testFrames({ seconds: 60, gopSeconds: 1 });
  await publisher.send(frames.slice(0, 100));
  const viewers = watchAll(node, 'live/a');
  await waitUntil('all three see the stream', () => viewers.every((viewer) => viewer.frames.some(isMedia)));
  const newcomers = watchAll(node, 'live/a');
  await waitUntil('all three are refused', () => newcomers.every(({ end }) => end !== undefined));
  expect(newcomers.flatMap(({ frames: seen }) => seen)).toEqual([]);
  expect(newcomers.map(({ answers }) => answers.at(-1))).toEqual(['NetStream.Play.Failed', '503', '503']);
  const seen = viewers.map((viewer) => viewer.frames.length);
  await publisher.send(frames.slice(100, 140));
  await waitUntil('those who watch go on', () =>
    viewers.every((viewer, index) => viewer.frames.length >= (seen[index] ?? 0) + 40),
  );
  viewers[1]?.leave();
  await waitUntil('there is room again', async () => {
    return (await fetch(node.flvUrl('live/a'), { method: 'HEAD' })).status === 200;
  });
});

it('a node whose event loop is busy, or late, refuses newcomers, and those who watch miss nothing', async () => {
  const node = await startHeadwater({ set: { 'limits.loopBusy': 25, 'limits.loopLag': '60ms' } });
  const publisher = await MediaPublisher.start(node.rtmpUrl('live/a'));
  const frames = testFrames({ seconds: 60, gopSeconds: 1 });
  let sent = 100;
  await publisher.send(frames.slice(0, sent));
  const viewers = watchAll(node, 'live/a');
  await waitUntil('all three see the stream', () => viewers.every((viewer) => viewer.frames.some(isMedia)));
  const refusal = async (): Promise<string | undefined> => refusalOf(node);
  const stopMakingBusy = makeBusy(node);
  await waitUntil('the node is found to be busy', async () => {
    return (await refusal())?.includes('event loop busy');
  });
  stopMakingBusy();
  await waitUntil('it is so no more', async () => (await refusal()) === undefined);
  const stopMakingLate = makeLate(node.pid);
  await waitUntil('the node is found to be late', async () => {
    await publisher.send(frames.slice(sent, (sent += 10)));
    return (await refusal())?.includes('event loop lag');
  });
  const newcomers = watchAll(node, 'live/a');
  await waitUntil('all three are refused', () => newcomers.every(({ end }) => end !== undefined));
  expect(newcomers.flatMap(({ frames: seen }) => seen)).toEqual([]);
  expect(newcomers.map(({ answers }) => answers.at(-1))).toEqual(['NetStream.Play.Failed', '503', '503']);
  const refused = await fetch(node.flvUrl('live/a'));
  expect(refused.headers.get('retry-after')).not.toBeNull();
  expect(await refused.text()).toContain('event loop lag');
  expect(
    await metricOf(node, 'headwater_play_overload_refusals_total', { limit: 'event loop lag' }),
  ).toBeGreaterThan(3);
  stopMakingLate();
  await waitUntil('there is room again', async () => (await refusal()) === undefined);
  await publisher.send(frames.slice(sent, (sent += 40)));
  const last = frames[sent - 1]?.timestampMs ?? Number.NaN;
  await waitUntil('those who watch have seen it all', () =>
    viewers.every((viewer) => viewer.frames.at(-1)?.timestampMs === last),
  );
  for (const viewer of viewers) {
    expect(complaintsAbout(frames.slice(0, sent), viewer.frames, { from: 'keyframe' })).toEqual([]);
  }
  expect(viewers.map(({ end }) => end)).toEqual([undefined, undefined, undefined]);
});

it('a node with workers gives newcomers to one that has room, and refuses them, and tells routers, when none has', async () => {
  const node = await startHeadwater({ set: { workers: 2, 'limits.loopLag': '60ms' } });
  const overload = async (): Promise<string | undefined> => {
    return (await node.adminJson<NodeListView>('/api/v1/nodes')).items[0]?.load.overload;
  };
  const publisher = await MediaPublisher.start(node.rtmpUrl('live/a'));
  const frames = testFrames({ seconds: 120, gopSeconds: 1 });
  let sent = 0;
  const until = async (
    reason: string,
    check: () => boolean | Promise<boolean | undefined>,
  ): Promise<void> => {
    await waitUntil(
      reason,
      async () => {
        await publisher.send(frames.slice(sent, (sent += 10)));
        return check();
      },
      { timeoutMs: 20_000 },
    );
  };
  const [first = 0, second = 0] = node
    .logs()
    .flatMap(({ msg, pid }) => (msg === 'worker serves' ? [Number(pid)] : []));
  const stopMakingLate = makeLate(first);
  makeLate(second);
  await until('the node says that it has no room', async () => (await overload()) === 'event loop lag');
  expect(await refusalOf(node)).toContain('event loop lag');
  stopMakingLate();
  await until('it says that it has some again', async () => (await overload()) === undefined);
  const newcomers = [...watchAll(node, 'live/a'), ...watchAll(node, 'live/a')];
  await until('all see the stream', () => newcomers.every((viewer) => viewer.frames.some(isMedia)));
  expect(newcomers.map(({ end }) => end)).toEqual(newcomers.map(() => undefined));
});

/** What a newcomer is told by HTTP, if it is refused. */
async function refusalOf(node: RunningHeadwater): Promise<string | undefined> {
  const leaving = new AbortController();
  const answer = await fetch(node.flvUrl('live/a'), { signal: leaving.signal });
  if (answer.status === 503) return answer.text();
  leaving.abort();
  return undefined;
}

/** Keeps the node answering cheap questions without a pause, until the returned function is called. */
function makeBusy(node: RunningHeadwater): () => void {
  const { hostname, port, host } = new URL(node.httpUrl('/'));
  const questions = `GET /api/streams HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(500);
  const socket = connect(Number(port), hostname, () => socket.write(questions));
  socket.on('data', () => {
    if (socket.writableLength === 0) socket.write(questions);
  });
  socket.on('error', () => socket.destroy());
  const end = (): void => {
    socket.destroy();
  };
  defer(end);
  return end;
}

/** Lets a process run for 50 ms of each 200 ms, until the returned function is called. */
function makeLate(pid: number): () => void {
  let timer: NodeJS.Timeout | undefined;
  const run = (): void => {
    process.kill(pid, 'SIGCONT');
    timer = setTimeout(stop, 50);
  };
  const stop = (): void => {
    process.kill(pid, 'SIGSTOP');
    timer = setTimeout(run, 150);
  };
  const end = (): void => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    process.kill(pid, 'SIGCONT');
  };
  stop();
  defer(end);
  return end;
}
