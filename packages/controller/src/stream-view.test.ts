import type { StreamRecord } from '@headwater/cluster';
import { streamKey } from '@headwater/contracts';
import { expect, it } from 'vitest';
import { StreamView } from './stream-view.ts';

const record = (name: string, epoch: number, state: StreamRecord['state'] = 'live'): StreamRecord => ({
  stream: streamKey('live', name),
  ...{ owner: { nodeId: 'o1', incarnation: 'run 1' }, epoch, state, relayAddress: 'o1:1' },
  ...{ codecs: [], sinceMs: 0 },
});

const seen = (view: StreamView): string[] =>
  view
    .streams(5_000)
    .map(({ record: { stream, epoch, state }, orphanedMs }) =>
      [stream, epoch, state, orphanedMs].map(String).join(' '),
    )
    .sort();

it('keeps what events told while the streams were read: the reading may be older', () => {
  const view = new StreamView();
  view.replace([record('a', 1), record('b', 1), record('c', 1), record('d', 1)], 0);
  view.beginReading();
  view.apply({ type: 'stream_updated', record: record('a', 1, 'orphaned') }, 1_000);
  view.apply({ type: 'stream_ended', record: record('b', 1, 'ended') }, 1_000);
  view.apply({ type: 'stream_claimed', record: record('new', 2) }, 1_000);
  view.apply({ type: 'stream_updated', record: record('d', 0) }, 1_000);
  view.replace([record('a', 1), record('b', 1)], 1_500);
  expect(seen(view)).toEqual(['live/a 1 orphaned 4000', 'live/new 2 live 0']);
});

it('takes the whole reading where nothing was told meanwhile, also one that was begun before and never came', () => {
  const view = new StreamView();
  view.beginReading();
  view.apply({ type: 'stream_claimed', record: record('a', 1) }, 0);
  view.beginReading();
  view.replace([record('b', 3, 'orphaned')], 2_000);
  expect(seen(view)).toEqual(['live/b 3 orphaned 3000']);
});
