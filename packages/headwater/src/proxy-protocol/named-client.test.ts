import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { silentLogger, silentMetrics } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { proxyLine } from '../testing/proxy-headers.ts';
import { greetNamed } from './named-client.ts';
import { ProxyGreeting } from './proxy-greeting.ts';

const client = '198.51.100.7';
const header = proxyLine(`TCP4 ${client} 192.0.2.250 56324 1935`);

let server: Server;
let proxy: Socket;
let accepted: Socket;
let named: string[];
let letIn: number;
let answer: (isWelcome: Promise<boolean>) => void;

/** A connection that has begun with its header, about which whoever counts has not answered yet. */
beforeEach(async () => {
  [named, letIn] = [[], 0];
  const greeting = new ProxyGreeting({
    ...{ port: 'rtmp', deadlineMs: 10_000, clock: new ManualClock() },
    ...{ metrics: silentMetrics, logger: silentLogger },
  });
  server = createServer((socket) => {
    accepted = socket;
    socket.on('error', () => socket.destroy());
    greetNamed(greeting, socket, {
      name: async (clientAddress) => {
        named.push(clientAddress);
        return new Promise<boolean>((resolve) => (answer = resolve));
      },
      letIn: () => letIn++,
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = connect((server.address() as AddressInfo).port, '127.0.0.1');
  proxy.on('error', () => proxy.destroy());
  proxy.write(header);
  await vi.waitFor(() => expect(named).toEqual([client]));
});

afterEach(() => {
  proxy.destroy();
  accepted.destroy();
  server.close();
});

/** Until everything has happened that follows an answer. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('greetNamed', () => {
  it('lets a client in when it is welcome, and not before', async () => {
    await settled();
    expect(letIn).toBe(0);
    answer(Promise.resolve(true));
    await settled();
    expect([letIn, accepted.destroyed]).toEqual([1, false]);
  });

  it.each([
    ['is not welcome', async () => Promise.resolve(false)],
    ['is one about whom nobody answers', async () => Promise.reject(new Error('gone'))],
  ])('closes the connection of a client that %s', async (_, outcome) => {
    answer(outcome());
    await settled();
    expect([letIn, accepted.destroyed]).toEqual([0, true]);
  });

  it('lets nobody in whose connection ended before the answer', async () => {
    proxy.resetAndDestroy();
    await vi.waitFor(() => expect(accepted.closed).toBe(true));
    answer(Promise.resolve(true));
    await settled();
    expect(letIn).toBe(0);
  });
});
