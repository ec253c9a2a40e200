// The connections of HTTP and WebSocket viewers: what becomes of the socket, whoever goes first.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Frame } from '@headwater/media';
import { EdgeRig, FlvPort, rigTimes } from './testing/index.ts';

// More than what the kernel takes for a peer that does not read.
const bigKeyframe: Frame = {
  kind: 'video',
  role: 'keyframe',
  sequence: 0,
  timestampMs: 0,
  payload: Buffer.concat([Buffer.from([0x12, 1]), Buffer.alloc(15 * 1024 * 1024)]),
};
const flushMs = 4_000;

let rig: EdgeRig;
let port: FlvPort;
let client: Socket;

beforeEach(async () => {
  rig = await EdgeRig.start();
  port = await FlvPort.open(rig);
  client = await port.dial();
});

afterEach(async () => {
  await rig.close();
  await port.close();
});

const get = (): void => void client.write('GET /live/cam1.flv HTTP/1.1\r\nHost: a\r\n\r\n');

const upgrade = (origin = 'https://allowed.example'): void => {
  client.write(
    'GET /live/cam1.flv HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: ${origin}\r\n\r\n`,
  );
};

/** The server's end of the client's connection. */
function accepted(): Socket {
  const [socket] = port.accepted;
  if (socket === undefined) throw new Error('nothing was accepted');
  return socket;
}

const isWaiting = (): Promise<void> =>
  vi.waitFor(() => {
    expect(rig.edge.streams.size).toBe(1);
  });

const isWatching = (): Promise<void> =>
  vi.waitFor(() => {
    expect(rig.edge.viewers.size).toBe(1);
  });

describe.each([
  ['an HTTP viewer', get],
  ['a WebSocket viewer', upgrade],
])('%s', (_name, ask) => {
  it('that does not read is cut soon after its stream has ended', async () => {
    ask();
    await isWaiting();
    await rig.goLive([bigKeyframe]);
    await isWatching();
    await vi.waitFor(() => {
      expect(accepted().writableLength).toBeGreaterThan(0);
    });
    rig.pulls.at(-1)?.ended('unpublished');
    expect(accepted().destroyed).toBe(false);
    rig.clock.advance(flushMs);
    expect(accepted().destroyed).toBe(true);
  });

  it('that closes its side while it waits is let go at once', async () => {
    ask();
    await isWaiting();
    client.end();
    await vi.waitFor(() => {
      expect(rig.edge.streams.size).toBe(0);
      expect(accepted().destroyed).toBe(true);
    });
    expect([...rig.ends]).toEqual([['client_closed', 1]]);
  });

  it('that closes its side while it watches ends as one that left', async () => {
    ask();
    await isWaiting();
    await rig.goLive();
    await isWatching();
    client.end();
    client.resume();
    await vi.waitFor(() => {
      expect(rig.edge.viewers.size).toBe(0);
    });
    expect([...rig.ends]).toEqual([['client_closed', 1]]);
  });

  it('that resets its connection while it waits is let go at once', async () => {
    ask();
    await isWaiting();
    client.resetAndDestroy();
    await vi.waitFor(() => {
      expect(rig.edge.streams.size).toBe(0);
    });
    expect([...rig.ends]).toEqual([['client_closed', 1]]);
  });
});

it('an HTTP connection that asks in vain again and again holds nothing of the earlier requests', async () => {
  const listeners: number[] = [];
  for (let request = 0; request < 3; request++) {
    get();
    await isWaiting();
    rig.clock.advance(rigTimes.waitForStreamMs);
    const [answer] = (await once(client, 'data')) as [Buffer];
    expect(answer.toString()).toContain('404');
    listeners.push(accepted().listenerCount('close'));
  }
  expect(listeners[2]).toBe(listeners[0]);
});

it('a WebSocket handshake that is refused is cut when its peer does not close', async () => {
  upgrade('https://other.example');
  const [answer] = (await once(client, 'data')) as [Buffer];
  expect(answer.toString()).toContain('403');
  rig.clock.advance(flushMs);
  expect(accepted().destroyed).toBe(true);
});

it('a WebSocket viewer that sends text is written no media behind the close frame, and is cut', async () => {
  upgrade();
  await isWaiting();
  await rig.goLive();
  await isWatching();
  client.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]));
  await vi.waitFor(() => {
    expect(rig.edge.viewers.size).toBe(0);
  });
  expect([...rig.ends]).toEqual([['protocol_error', 1]]);
  rig.clock.advance(flushMs);
  expect(accepted().destroyed).toBe(true);
});
