// The program as an operator meets it: start, stop, wrong configuration, admin API, keys.
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  nodeListSchema,
  sessionPageSchema,
  type SessionView,
  statusViewSchema,
  streamPageSchema,
} from '@headwater/contracts';
import { testFrames } from '@headwater/media/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { type RunningHeadwater, runHeadwater, startHeadwater } from '../support/headwater.ts';
import { isMedia } from '../support/media-fixtures.ts';
import { metricOf } from '../support/media-metrics.ts';
import { MediaPublisher } from '../support/media-publisher.ts';
import { type MediaViewer, outputs, watch, watchAll } from '../support/media-viewers.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

const frames = testFrames({ seconds: 1 });

/** Publishes a second of a stream and stays. */
async function publish(url: string): Promise<MediaPublisher> {
  const publisher = await MediaPublisher.start(url);
  await publisher.send(frames);
  return publisher;
}

async function untilAllSee(viewers: readonly MediaViewer[]): Promise<void> {
  await waitUntil('every viewer sees the stream', () =>
    viewers.every((viewer) => viewer.frames.some(isMedia)),
  );
}

/** The established connections of a port, as lines of /proc/net/tcp (proc(5)). */
function connectionsOf(table: string, port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return table.match(new RegExp(`^ *\\d+: [0-9A-F]+:${hex} [0-9A-F]+:[0-9A-F]{4} 01 .*$`, 'gm')) ?? [];
}

async function untilEnded(viewers: readonly MediaViewer[]): Promise<void> {
  await waitUntil('every viewer has ended', () => viewers.every(({ end }) => end !== undefined));
}

describe('a node that is ready', () => {
  it('says so in the ready file, with the addresses that it got, for as long as it runs', async () => {
    const node = await startHeadwater({ set: { 'node.id': 'edge-7' } });
    const commandLine = (await readFile(`/proc/${String(node.pid)}/cmdline`, 'utf8')).split('\0');
    const file = commandLine[commandLine.indexOf('--ready-file') + 1] ?? '';
    await access(file);
    expect(node.ready).toEqual({
      pid: node.child.pid,
      nodeId: 'edge-7',
      roles: ['origin', 'edge', 'router'],
      rtmp: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d+$/) as string,
      http: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d+$/) as string,
      admin: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d+$/) as string,
      relay: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d+$/) as string,
    });
    await node.stop();
    await expect(access(file)).rejects.toThrow('ENOENT');
  });
});

describe('a program that cannot start', () => {
  it('ends with 69 and names the port and the key to change, when the port is in use', async () => {
    const node = await startHeadwater();
    const port = node.ready.rtmp?.split(':')[1] ?? '';
    const ports = [`rtmp.port=${port}`, 'http.port=0', 'admin.port=0', 'relay.port=0', 'bind=127.0.0.1'];
    const { code, stderr } = await runHeadwater(['all', ...ports.flatMap((set) => ['--set', set])]);
    expect(code).toBe(69);
    expect(stderr).toContain(`rtmp: cannot listen on 127.0.0.1:${port}`);
    expect(stderr).toContain('--set rtmp.port=PORT');
  });

  it('ends with 78 and names every wrong key of file, environment and arguments at once', async () => {
    const file = join(await tempFolder(), 'headwater.yaml');
    await writeFile(file, 'rtmp:\n  prot: 1935\nhold: soon\n');
    const args = ['all', '--config', file, '--set', 'http.port=99999'];
    const { code, stderr } = await runHeadwater(args, { HEADWATER_LOG_LEVEL: 'loud' });
    expect(code).toBe(78);
    for (const key of ['rtmp.prot', 'hold', 'http.port', 'log.level']) expect(stderr).toContain(key);
    expect(stderr).not.toContain('    at ');
  });
});

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  it('ends the program with 0, and publishers and viewers with a word', async () => {
    const node = await startHeadwater();
    const publisher = await publish(node.rtmpUrl('live/cam'));
    const viewers = watchAll(node, 'live/cam');
    await untilAllSee(viewers);
    node.kill(signal);
    expect(await node.child.exited).toEqual({ code: 0, signal: null });
    await untilEnded(viewers);
    expect(viewers.map(({ end }) => end)).toEqual(['NetStream.Play.UnpublishNotify', 'end', 'close 1001']);
    await waitUntil('the publisher has ended', () => publisher.isClosed);
    expect(publisher.statuses.at(-1)).toBe('NetStream.Unpublish.Success');
  });
});

describe('the admin API of a node with a live stream', () => {
  let node: RunningHeadwater;
  let publisher: MediaPublisher;
  let viewers: MediaViewer[];

  beforeAll(async () => {
    node = await startHeadwater({ set: { 'node.id': 'all-1' } });
    publisher = await publish(node.rtmpUrl('live/cam'));
    viewers = watchAll(node, 'live/cam');
    await untilAllSee(viewers);
  });

  async function sessions(query = ''): Promise<SessionView[]> {
    return sessionPageSchema.parse(await node.adminJson(`/api/v1/sessions${query}`)).items;
  }

  it('says that it is alive and ready', async () => {
    expect(await node.adminJson('/healthz')).toEqual({ status: 'ok' });
    expect(await node.adminJson('/readyz')).toEqual({ isReady: true, reasons: [] });
  });

  it('shows the stream with its publisher and viewers', async () => {
    const { items } = streamPageSchema.parse(await node.adminJson('/api/v1/streams'));
    expect(items).toMatchObject([
      {
        key: 'live/cam',
        state: 'live',
        owner: 'all-1',
        codecs: ['avc1', 'mp4a'],
        publisher: { address: '127.0.0.1', protocol: 'rtmp' },
        viewers: { rtmp: 1, 'http-flv': 1, 'ws-flv': 1 },
        framesIn: frames.length,
      },
    ]);
  });

  it('shows every session', async () => {
    const shown = await sessions();
    expect(shown.map(({ role, protocol }) => `${role} ${protocol}`).sort()).toEqual([
      'publisher rtmp',
      'viewer http-flv',
      'viewer rtmp',
      'viewer ws-flv',
    ]);
    for (const session of shown) {
      expect(session).toMatchObject({ stream: 'live/cam', remoteAddress: '127.0.0.1', droppedFrames: 0 });
      expect(session.bytes).toBeGreaterThan(30_000);
    }
  });

  it('shows the node and its load', async () => {
    const { items } = nodeListSchema.parse(await node.adminJson('/api/v1/nodes'));
    expect(items).toMatchObject([{ id: 'all-1', roles: ['origin', 'edge', 'router'], isDraining: false }]);
    const status = statusViewSchema.parse(await node.adminJson('/api/v1/status'));
    expect(status).toMatchObject({ nodeId: 'all-1', isReady: true, streams: 1, publishers: 1, viewers: 3 });
  });

  it('counts in metrics', async () => {
    expect(await metricOf(node, 'headwater_origin_streams')).toBe(1);
    expect(await metricOf(node, 'headwater_edge_streams')).toBe(1);
    expect(await metricOf(node, 'headwater_publish_attempts_total', { outcome: 'accepted' })).toBe(1);
    for (const protocol of outputs) expect(await metricOf(node, 'headwater_viewers', { protocol })).toBe(1);
  });

  it('pulls the stream from itself, without a connection', async () => {
    expect(await metricOf(node, 'headwater_relay_pulls')).toBe(1);
    const port = Number(node.ready.relay?.split(':')[1]);
    const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8')));
    expect(connectionsOf(tables.join(''), port)).toEqual([]);
    expect(connectionsOf(tables.join(''), Number(node.ready.rtmp?.split(':')[1]))).not.toEqual([]);
  });

  it('describes itself', async () => {
    const document = await node.adminJson<{ openapi: string; paths: object }>('/api/v1/openapi.json');
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/api/v1/streams', '/api/v1/sessions/{id}', '/api/v1/nodes']),
    );
  });

  it('is read by the command line', async () => {
    const { code, stdout } = await runHeadwater(['streams', '--admin', node.adminUrl('')]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/live\/cam +live +all-1 +avc1 mp4a +3 /);
  });

  it('disconnects a viewer and then the publisher by DELETE', async () => {
    const kick = async ({ id }: SessionView): Promise<number> =>
      (await fetch(node.adminUrl(`/api/v1/sessions/${id}`), { method: 'DELETE' })).status;
    const kicked = watchAll(node, 'live/cam');
    await untilAllSee(kicked);
    const known = viewers.length;
    const newest = (await sessions('?role=viewer'))
      .sort((a, b) => a.since.localeCompare(b.since))
      .slice(known);
    expect(await Promise.all(newest.map(kick))).toEqual([204, 204, 204]);
    await untilEnded(kicked);
    expect(kicked.map(({ end }) => end)).toEqual(['NetStream.Play.Failed', 'end', 'close 1000']);
    expect(viewers.map(({ end }) => end)).toEqual([undefined, undefined, undefined]);
    expect(await Promise.all(newest.map(kick))).toEqual([404, 404, 404]);

    const [publishing] = await sessions('?role=publisher');
    expect(publishing === undefined ? 0 : await kick(publishing)).toBe(204);
    await untilEnded(viewers);
    await waitUntil('the publisher has ended', () => publisher.isClosed);
    expect(publisher.statuses.at(-1)).toBe('NetStream.Publish.Denied');
  });
});

describe('keys in the configuration', () => {
  const secrets = { publish: 'publish-secret', play: 'play-secret' };
  let node: RunningHeadwater;

  beforeAll(async () => {
    const keys = `    live:\n      publish: [${secrets.publish}]\n      play: [${secrets.play}]\n`;
    node = await startHeadwater({ config: `access:\n  kind: keys\n  keys:\n${keys}` });
  });

  it('let publish only with one of them', async () => {
    for (const query of ['', '?token=wrong', `?token=${secrets.play}`]) {
      const refused = await MediaPublisher.ask(node.rtmpUrl('live/door') + query);
      expect(refused.statuses).toEqual(['NetStream.Publish.Denied']);
    }
    const { statuses } = await MediaPublisher.ask(`${node.rtmpUrl('live/door')}?token=${secrets.publish}`);
    expect(statuses).toEqual(['NetStream.Publish.Start']);
  });

  it('let play only with one of them, on every output', async () => {
    await publish(`${node.rtmpUrl('live/cam')}?token=${secrets.publish}`);
    const allowed = watchAll(node, 'live/cam', { query: `?token=${secrets.play}` });
    await untilAllSee(allowed);
    for (const query of ['', '?token=wrong', `?token=${secrets.publish}`]) {
      const refused = outputs.map((output) => watch(node, output, 'live/cam', { query }));
      await untilEnded(refused);
      expect(refused.map(({ answers }) => answers.at(-1))).toEqual(['NetStream.Play.Failed', '403', '403']);
      expect(refused.flatMap((viewer) => viewer.frames)).toEqual([]);
    }
  });

  it('stay out of the log', () => {
    const log = node.child.stdout + node.child.stderr;
    expect(log).toContain('publish refused');
    for (const secret of Object.values(secrets)) expect(log).not.toContain(secret);
  });
});
