import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { flvFormat, flvHeaderBytes, flvTagBytes, writeFlvTagInto, type FlvTag } from '@headwater/media';
import { afterEach, describe, expect, it } from 'vitest';
import { readDemoClip } from '../demo/demo-clip.ts';
import { type PlayedStream, playHttpFlv } from './play-http-flv.ts';

const clip = readFileSync(new URL('../../assets/demo.flv', import.meta.url));
const { headers, media } = readDemoClip();
const [keyframe, frame] = media.filter(({ kind }) => kind === 'video');
// Enough frames, and one keyframe too few.
const beginning = flv([...headers, keyframe, ...Array.from({ length: 100 }, () => frame)]);
// More than lies between a writer and a reader. When all of it is written, what stands before it was read.
const sound = { kind: 'audio', timestampMs: 0, payload: Buffer.alloc(1024 * 1024) } as const;
const silence = flv(Array.from({ length: 24 }, () => sound)).subarray(flvHeaderBytes + 4);

function flv(tags: readonly (FlvTag | undefined)[]): Buffer {
  const parts = tags
    .filter((tag) => tag !== undefined)
    .map((tag) => {
      const bytes = Buffer.alloc(flvTagBytes(tag.payload.length));
      writeFlvTagInto(bytes, 0, tag);
      return bytes;
    });
  return Buffer.concat([flvFormat.preamble({ hasAudio: true, hasVideo: true }), ...parts]);
}

let server: Server | undefined;

/** The URL of a stream that is answered so. */
async function served(answer: RequestListener): Promise<string> {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/live/cam1.flv`;
}

const watched = async (url: string, { signal }: AbortController): Promise<PlayedStream | string> =>
  playHttpFlv(url, { signal, retryMs: 1 });

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

describe('a stream that is watched over HTTP-FLV', () => {
  it('has shown enough after two keyframes, and is named by where it was in the end', async () => {
    const url = await served(({ url: path }, response) => {
      if (path === '/live/cam1.flv') response.writeHead(302, { location: '/edge.flv' }).end();
      else response.write(clip);
    });
    const played = await watched(url, new AbortController());
    if (typeof played === 'string') throw new Error(played);
    expect(played.url).toBe(url.replace('/live/cam1', '/edge'));
    expect(played.frames).toBeGreaterThanOrEqual(60);
    expect(played.keyframes).toBeGreaterThanOrEqual(2);
  });

  it('is asked for again when it is not there yet and when it ends early', async () => {
    const stop = new AbortController();
    let asked = 0;
    const url = await served((_, response) => {
      asked++;
      if (asked === 1) response.writeHead(404).end();
      else if (asked === 2) response.end(beginning);
      else response.write(clip);
    });
    expect(await watched(url, stop)).toMatchObject({ url });
    expect(asked).toBe(3);
  });

  it.each<[string, RequestListener, string | RegExp]>([
    ['is refused', (_, response) => response.writeHead(403).end('no'), 'the answer was 403'],
    ['is cut', ({ socket }) => socket.destroy(), 'other side closed'],
    ['is no FLV', (_, response) => response.end('hello there, this is no stream'), /FLV/],
    ['ends early', (_, response) => response.end(beginning), 'the stream ended after 101 frames'],
  ])('is given up with the trouble there was when it %s', async (_, answer, trouble) => {
    const stop = new AbortController();
    const url = await served((request, response) => {
      answer(request, response);
      // The second request says that the trouble of the first was seen.
      if (asked++ > 0) stop.abort();
    });
    let asked = 0;
    const said = await watched(url, stop);
    expect(said).toEqual(typeof trouble === 'string' ? trouble : expect.stringMatching(trouble));
  });

  it('is given up with what was seen when too little comes', async () => {
    const stop = new AbortController();
    const url = await served((_, response) => {
      response.write(beginning);
      response.write(silence, () => stop.abort());
    });
    expect(await watched(url, stop)).toBe('only 101 frames came, 1 of them keyframes');
  });
});
