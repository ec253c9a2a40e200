import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ManualClock } from '@headwater/contracts/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testContext } from '../testing/node-fixture.ts';
import { HandedRtmp } from './handed-rtmp.ts';

let clock: ManualClock;
let rtmp: HandedRtmp;
let server: Server;
let peers: Socket[];

beforeEach(async () => {
  clock = new ManualClock();
  const parts = { origin: undefined, edge: undefined, forwarder: undefined };
  rtmp = new HandedRtmp(testContext({ clock }), parts);
  // It keeps its end when the peer has closed its own.
  server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  peers = [];
  await once(server, 'listening');
});

afterEach(() => {
  for (const peer of peers) peer.destroy();
  server.close();
});

/** A connection that nothing was read from, and its peer, which does not close by itself. */
async function handed(): Promise<{ readonly socket: Socket; readonly peer: Socket }> {
  const { port } = server.address() as AddressInfo;
  const peer = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  peer.on('error', () => undefined).resume();
  peers.push(peer);
  const [socket] = (await once(server, 'connection')) as [Socket];
  return { socket, peer };
}

describe('HandedRtmp', () => {
  it('has stopped when its last connection is closed, and takes none from then on', async () => {
    const [first, second] = [await handed(), await handed()];
    rtmp.take(first.socket);
    let hasStopped = false;
    const stopped = rtmp.stop(5_000).then(() => (hasStopped = true));
    await once(first.peer, 'end');
    expect(hasStopped).toBe(false);
    rtmp.take(second.socket);
    expect(second.socket.destroyed).toBe(true);
    first.peer.end();
    await stopped;
    expect(clock.pendingTimers).toBe(0);
  });

  it('cuts at the deadline what does not close', async () => {
    const { socket, peer } = await handed();
    rtmp.take(socket);
    const stopped = rtmp.stop(10);
    await once(peer, 'end');
    clock.advance(10);
    await stopped;
    expect(socket.destroyed).toBe(true);
  });

  it('stops at once without connections', async () => {
    await rtmp.stop(5_000);
    expect(clock.pendingTimers).toBe(0);
  });
});
