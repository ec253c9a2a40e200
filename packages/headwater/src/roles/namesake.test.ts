import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { AppError, type StatusView } from '@headwater/contracts';
import { testNode } from '@headwater/cluster/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { NodeIdTaken, refuseNamesake } from './namesake.ts';

const status: StatusView = {
  nodeId: 'n1',
  incarnation: 'run 1',
  version: '1.0.0',
  roles: ['origin'],
  startedAt: '2025-01-01T00:00:00.000Z',
  isReady: true,
  reasons: [],
  streams: 0,
  publishers: 0,
  viewers: 0,
};
const own = { nodeId: 'n1', incarnation: 'run 2' };
let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** An admin port that says what it is given; resolves with its address. */
async function adminSaying(body: string | undefined): Promise<string> {
  server = createServer((_request, response) => {
    if (body !== undefined) response.end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

const listed = (admin: string, incarnation = 'run 1') => ({
  nodes: async () => Promise.resolve([testNode('n0'), testNode('n1', { incarnation, addresses: { admin } })]),
});

describe('a node that starts under an id that is listed', () => {
  it('is refused when the other one says that it runs', async () => {
    const admin = await adminSaying(JSON.stringify(status));
    await expect(refuseNamesake(listed(admin), own)).rejects.toEqual(new NodeIdTaken('n1', admin));
  });

  it('is refused when the process that has the ports of the other one says so', async () => {
    const host = {
      ...status,
      nodeId: 'n',
      incarnation: 'host',
      origins: [{ nodeId: 'n1', incarnation: 'run 1' }],
    };
    const admin = await adminSaying(JSON.stringify(host));
    await expect(refuseNamesake(listed(admin), own)).rejects.toEqual(new NodeIdTaken('n1', admin));
  });

  it.each([
    ['another run', JSON.stringify({ ...status, incarnation: 'run 0' })],
    ['something else', '<html>'],
    ['nothing at all', undefined],
  ])('goes on when there is %s at its address', async (_what, body) => {
    await refuseNamesake(listed(await adminSaying(body)), own);
  });

  it('goes on when nobody listens there any more', async () => {
    const admin = await adminSaying(undefined);
    server?.close();
    await refuseNamesake(listed(admin), own);
  });

  it('goes on when it is listed itself', async () => {
    const admin = await adminSaying(JSON.stringify({ ...status, incarnation: 'run 2' }));
    await refuseNamesake(listed(admin, 'run 2'), own);
  });

  it('goes on when the registry does not answer', async () => {
    const nodes = async () => Promise.reject(new AppError('registry_unavailable'));
    await refuseNamesake({ nodes }, own);
  });
});
