// A server of a short HLS recording, as a stand-in for an edge's HLS port: players of the real kind are sent there.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { defer } from './cleanup.ts';
import { runFfmpeg } from './ffmpeg.ts';
import { encoders, testPicture } from './media-fixtures.ts';
import { tempFolder } from './temp-folder.ts';

// Longer than any test watches.
const segments = 30;

// A browser asks for no icon where it is told that there is none.
const page = '<link rel="icon" href="data:,"><video muted></video>';

/** A recording: its files by name. `index.m3u8` is the multivariant playlist, each segment has a second. */
export async function makeHlsRecording(): Promise<ReadonlyMap<string, Buffer>> {
  const folder = await tempFolder();
  const playlist = ['-f', 'hls', '-hls_time', '1', '-hls_playlist_type', 'vod'];
  const names = ['-hls_segment_filename', join(folder, 'segment-%d.ts'), join(folder, 'media.m3u8')];
  await runFfmpeg([...testPicture, '-t', String(segments), ...encoders.h264Baseline, ...playlist, ...names]);
  const files = ['media.m3u8', ...Array.from({ length: segments }, (_, index) => `segment-${index}.ts`)];
  const read = files.map(async (name) => [name, await readFile(join(folder, name))] as const);
  return new Map(await Promise.all(read));
}

/** A running server of a recording, and the paths that were asked for. */
export interface HlsOrigin {
  readonly url: string;
  readonly asked: readonly string[];
}

/**
 * Serves a recording below `/live/NAME/`, and an empty page at `/`. `steering` is where its playlist says that the next edge is
 * to be asked for, `edge` the one that it says to be. It ends with the test.
 */
export async function startHlsOrigin(
  recording: ReadonlyMap<string, Buffer>,
  { steering, edge }: { readonly steering: string; readonly edge: string },
): Promise<HlsOrigin> {
  const multivariant = [
    '#EXTM3U',
    `#EXT-X-CONTENT-STEERING:SERVER-URI="${steering}",PATHWAY-ID="${edge}"`,
    `#EXT-X-STREAM-INF:BANDWIDTH=500000,CODECS="avc1.42c00d",RESOLUTION=320x180,PATHWAY-ID="${edge}"`,
    'media.m3u8',
  ];
  const files = new Map([...recording, ['index.m3u8', Buffer.from(multivariant.join('\n'))]]);
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const file = files.get(/^\/live\/[^/]+\/([^/?]+)(?:\?|$)/.exec(url)?.[1] ?? '');
    response.setHeader('Access-Control-Allow-Origin', '*');
    if (file !== undefined) response.end(file);
    else if (url === '/') response.setHeader('Content-Type', 'text/html').end(page);
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
