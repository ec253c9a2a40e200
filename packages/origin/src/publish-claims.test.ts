// Epochs that nodes give themselves while they cannot ask.
import { expect, it } from 'vitest';
import { parseStreamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { MemoryStreamRegistry } from '@headwater/cluster';
import { PublishClaims } from './publish-claims.ts';
import { goodStanding } from './registry-standing.ts';

const key = parseStreamKey('live/cam1');

async function epochOf(nodeId: string, wallMs: number): Promise<number> {
  const clock = new ManualClock(wallMs);
  const claims = new PublishClaims({
    clock,
    registry: new MemoryStreamRegistry({ clock, leaseMs: 4_000 }),
    node: { nodeId, incarnation: 'first' },
    relayAddress: () => '127.0.0.1:50051',
    standing: () => ({ ...goodStanding, isDoubtful: true }),
  });
  const grant = await claims.claim({
    key,
    credential: undefined,
    current: undefined,
    isWanted: () => true,
  });
  return 'epoch' in grant ? grant.epoch : Number.NaN;
}

it('nodes of a set whose clocks say the same do not give themselves the same epoch', async () => {
  const epochs = await Promise.all(
    ['origin-0', 'origin-1', 'origin-2', 'origin-3'].map(async (nodeId) =>
      epochOf(nodeId, 1_700_000_000_000),
    ),
  );
  expect(new Set(epochs).size).toBe(4);
});
