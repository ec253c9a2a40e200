import { streamKey, type AppError } from '@headwater/contracts';
import { RecordingHandler, RelayPair } from '@headwater/relay/testing';
import type { PullReach, RelaySource } from '@headwater/relay';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RelaySources } from './relay-sources.ts';

const stream = streamKey('live', 'cam1');
const info = { firstSequence: 0, resumed: false, state: 'live' } as const;

let pair: RelayPair;

beforeEach(async () => {
  pair = await RelayPair.start();
});

afterEach(async () => {
  await pair.stop();
});

async function epochFor(reach: PullReach): Promise<number | AppError['code'] | undefined> {
  const handler = new RecordingHandler();
  pair.client.pull(pair.address, { stream, reach }, handler);
  await handler.until(() => handler.events.length > 0);
  const [event] = handler.events;
  return event?.type === 'failed' ? event.error.code : handler.opening?.epoch;
}

const sourceOf = (epoch: number): RelaySource => ({
  open: (call) => {
    call.opened({ ...info, epoch });
  },
});
const origin = sourceOf(1);
const edge = { peerFeed: sourceOf(2), shieldFeed: sourceOf(3) };

it.each([
  ['an origin', { origin, edge: undefined }, [1, 'stream_not_found', 'stream_not_found']],
  ['an edge', { origin: undefined, edge }, ['stream_not_found', 2, 3]],
  ['both', { origin, edge }, [1, 2, 3]],
])('a node that is %s', async (_title, parts, epochs) => {
  const sources = new RelaySources(parts);
  pair.source.onOpen((call) => {
    sources.open(call);
  });
  expect([await epochFor('owner'), await epochFor('peer'), await epochFor('shield')]).toEqual(epochs);
});
