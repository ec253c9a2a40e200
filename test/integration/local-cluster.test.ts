// `npm run cluster`: a whole cluster with one command, an origin of it killed under a viewer, and nothing left behind.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Child, runChild, startChild } from '../support/child.ts';
import { defer } from '../support/cleanup.ts';
import { startFfmpeg } from '../support/ffmpeg.ts';
import { type ReadyFile, RunningHeadwater } from '../support/headwater.ts';
import { sessionsIn, stepsBack } from '../support/media-delivery.ts';
import { isMedia } from '../support/media-fixtures.ts';
import { type MediaViewer, watch } from '../support/media-viewers.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

const run = resolve(import.meta.dirname, '../../deploy/local/run.mjs');

type ClusterProcess = Pick<ReadyFile, 'pid' | 'rtmp' | 'http' | 'admin' | 'relay'>;

interface ClusterState {
  readonly pid: number;
  readonly isReady: boolean;
  readonly vip: string;
  readonly processes: Readonly<Record<string, ClusterProcess>>;
}

async function stateIn(folder: string): Promise<ClusterState | undefined> {
  const text = await readFile(join(folder, 'state.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as ClusterState);
}

function startCluster(folder: string, env: Readonly<Record<string, string>> = {}): Child {
  const args = [run, 'cluster', '--folder', folder, '--base-port', '0'];
  return startChild({ name: 'cluster', program: process.execPath, args, env });
}

async function startedCluster(folder: string): Promise<{ child: Child; state: ClusterState }> {
  const child = startCluster(folder);
  // What it starts is in process groups of its own: gone only when it ended by itself, or by the command.
  defer(async () => {
    await child.stop({ timeoutMs: 30_000 });
    await tell(folder, 'stop');
  });
  const state = await waitUntil(
    'the cluster is ready',
    async () => {
      if (child.exit !== undefined) throw new Error(child.tail());
      const found = await stateIn(folder);
      return found?.isReady === true ? found : undefined;
    },
    { timeoutMs: 50_000 },
  );
  return { child, state };
}

/** Gives a running cluster a command and resolves with what it says. */
async function tell(folder: string, ...words: string[]): Promise<string> {
  const args = [run, 'cluster', ...words, '--folder', folder];
  return (await runChild({ name: words.join(' '), program: process.execPath, args })).stdout;
}

async function refusal(folder: string, ...words: string[]): Promise<string> {
  const args = [run, 'cluster', ...words, '--folder', folder];
  const child = startChild({ name: words.join(' '), program: process.execPath, args });
  expect((await child.exited).code).toBe(1);
  return child.stderr;
}

function alive(pids: readonly number[]): number[] {
  return pids.filter((pid) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  });
}

/** An encoder that comes back when it loses its server, as OBS does. */
function publishForEver(url: string): void {
  const input = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-f', 'lavfi', '-i', 'sine'];
  const codecs = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-pix_fmt',
    'yuv420p',
    '-g',
    '25',
    '-c:a',
    'aac',
  ];
  let isOver = false;
  let encoder: Child | undefined;
  const publish = async (): Promise<void> => {
    while (!isOver) {
      encoder = startFfmpeg([...input, ...codecs, '-f', 'flv', url]);
      await encoder.exited;
    }
  };
  const published = publish();
  defer(async () => {
    isOver = true;
    encoder?.kill('SIGKILL');
    await published;
  });
}

function framesOf(viewer: MediaViewer): number {
  return viewer.frames.filter((frame) => frame.kind === 'video' && isMedia(frame)).length;
}

describe('a cluster on free ports', () => {
  let folder = '';
  let child: Child;
  let state: ClusterState;

  beforeAll(async () => {
    folder = await tempFolder();
    ({ child, state } = await startedCluster(folder));
  });

  it('has two origins, three edges in two zones and a router, and prints what to paste', async () => {
    const names = ['origin-1', 'origin-2', 'edge-1', 'edge-2', 'edge-3', 'redis'];
    expect(Object.keys(state.processes)).toEqual(expect.arrayContaining(names));
    await waitUntil('it has printed its addresses', () => child.stdout.includes('Ctrl-C stops everything'));
    expect(child.stdout).toContain(`-f flv rtmp://${state.vip}/live/cam1`);
    for (const edge of ['edge-1', 'edge-2', 'edge-3']) {
      const { http, rtmp } = state.processes[edge]!;
      expect(child.stdout).toContain(`ffplay -fflags nobuffer http://${http!}/live/cam1.flv`);
      expect(child.stdout).toContain(`ffplay -fflags nobuffer rtmp://${rtmp!}/live/cam1`);
    }
    const router = `http://${state.processes['router-1']?.http ?? ''}/live/cam1.flv`;
    expect(child.stdout).toContain(`ffplay -fflags nobuffer ${router}`);
    const { status: code, headers } = await fetch(router, { redirect: 'manual' });
    const inZone = ['edge-1', 'edge-2'].map(
      (edge) => `http://${state.processes[edge]!.http!}/live/cam1.flv?hop=1`,
    );
    expect([code, inZone.includes(headers.get('location') ?? '')]).toEqual([302, true]);
    const status = await tell(folder, 'status');
    expect(status).toMatch(/^edge-3 +b +ready /m);
    expect(status).toContain('leads to origin-1, origin-2');
  });

  it('keeps the viewer of an edge through the loss of the origin that has the stream', async () => {
    const ready = { nodeId: 'edge-3', roles: ['edge'], ...state.processes['edge-3']! };
    const viewer = watch(new RunningHeadwater(child, ready), 'http-flv', 'live/cam1');
    publishForEver(`rtmp://${state.vip}/live/cam1`);
    await waitUntil('the viewer has seen a second', () => framesOf(viewer) > 25, { timeoutMs: 20_000 });
    const before = await tell(folder, 'status');
    const owner = /^live\/cam1 on (origin-\d): live, from its publisher/m.exec(before)?.[1] ?? '';
    const other = owner === 'origin-1' ? 'origin-2' : 'origin-1';

    const said = await tell(folder, 'kill', owner);
    const seen = framesOf(viewer);
    expect(said).toContain(
      `${owner} (process ${String(state.processes[owner]!.pid)}) was killed; it had live/cam1.`,
    );
    expect(said).toContain(`npm run -s cluster -- start ${owner}`);
    expect(alive([state.processes[owner]!.pid])).toEqual([]);

    await waitUntil('the viewer sees the stream again', () => framesOf(viewer) > seen + 50, {
      timeoutMs: 30_000,
    });
    expect(viewer.end).toBeUndefined();
    expect(stepsBack(viewer.frames)).toEqual([]);
    expect(sessionsIn(viewer.frames)).toHaveLength(2);
    const after = await tell(folder, 'status');
    expect(after).toMatch(new RegExp(`^live/cam1 on ${other}: live, from its publisher`, 'm'));
    expect(after).toMatch(new RegExp(`^${owner} +. +stopped$`, 'm'));

    expect(await tell(folder, 'start', owner)).toContain(`${owner} (process `);
    await waitUntil('the load balancer uses it again', async () =>
      (await tell(folder, 'status')).includes('leads to origin-1, origin-2'),
    );
    await waitUntil('it stands by for the new owner', async () =>
      (await tell(folder, 'status')).includes(`live/cam1 on ${owner}: live, followed as standby of ${other}`),
    );
    expect(viewer.end).toBeUndefined();
  });

  it('freezes and thaws a node, and has one drain and start anew', async () => {
    expect(await tell(folder, 'freeze', 'edge-1')).toContain('is frozen');
    expect(await tell(folder, 'status')).toMatch(/^edge-1 +a +frozen /m);
    expect(await refusal(folder, 'start', 'edge-1')).toContain('edge-1 is frozen');
    expect(await tell(folder, 'thaw', 'edge-1')).toContain('goes on');
    await waitUntil('it answers again', async () => /^edge-1 +a +ready /m.test(await tell(folder, 'status')));

    expect(await tell(folder, 'drain', 'edge-2')).toContain('edge-2');
    expect(await tell(folder, 'status')).toMatch(/^edge-2 +a +\S*.*draining/m);
    await tell(folder, 'start', 'edge-2');
    expect(await tell(folder, 'status')).toMatch(/^edge-2 +a +ready /m);
  });

  it('says what is wrong with a command', async () => {
    expect(await refusal(folder, 'kill', 'edge-9')).toContain(
      "there is no 'edge-9' in the cluster; there are: origin-1",
    );
    expect(await refusal(folder, 'kill')).toContain('kill what?');
    expect(await refusal(folder, 'explode')).toContain("unknown command 'explode'");
    expect(await refusal(folder, 'thaw', 'edge-1')).toContain('edge-1 is not frozen');
    expect(await refusal(folder, 'start', 'edge-1')).toContain('edge-1 runs already');
  });

  it('is not started twice', async () => {
    const second = startCluster(folder);
    expect((await second.exited).code).toBe(1);
    expect(second.stderr).toContain(`the cluster runs already, as process ${String(state.pid)}`);
  });

  it('leaves no process and says nothing of its own when it is interrupted', async () => {
    await tell(folder, 'freeze', 'edge-3');
    const pids = Object.values((await stateIn(folder))?.processes ?? {}).map(({ pid }) => pid);
    expect(pids).toHaveLength(alive(pids).length);
    expect(pids.length).toBeGreaterThanOrEqual(6);
    child.kill('SIGINT');
    expect((await child.exited).code).toBe(0);
    expect(alive(pids)).toEqual([]);
    expect(await stateIn(folder)).toBeUndefined();
    expect(await refusal(folder, 'status')).toContain('the cluster does not run');
  });
});

describe('a cluster whose own process was killed', () => {
  it('leaves processes that `stop` ends', async () => {
    const folder = await tempFolder();
    const { child, state } = await startedCluster(folder);
    const pids = Object.values(state.processes).map(({ pid }) => pid);
    child.kill('SIGKILL');
    await child.exited;
    expect(alive(pids)).toEqual(pids);
    expect(await tell(folder, 'stop')).toBe('what an earlier run left is gone\n');
    await waitUntil('they are gone', () => alive(pids).length === 0);
    expect(await tell(folder, 'stop')).toBe('the cluster does not run\n');
  });
});

describe('without a Redis', () => {
  it('says what to install', async () => {
    const child = startCluster(await tempFolder(), { PATH: await tempFolder() });
    expect((await child.exited).code).toBe(1);
    expect(child.stderr).toContain('the cluster needs redis-server or valkey-server; install with');
  });
});
