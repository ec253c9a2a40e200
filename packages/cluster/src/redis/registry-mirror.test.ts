import { streamKey } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import type { StreamRecord } from '../stream-record.ts';
import type { RegistryEvent } from '../stream-registry.ts';
import { refOf, testNode } from '../testing/index.ts';
import { RegistryMirror } from './registry-mirror.ts';

const n1 = testNode('n1');
const n2 = testNode('n2');

function record(name: string, changes: Partial<StreamRecord> = {}): StreamRecord {
  return {
    stream: streamKey('live', name),
    owner: refOf(n1),
    relayAddress: 'a:1',
    epoch: 10,
    state: 'live',
    codecs: [],
    sinceMs: 1,
    ...changes,
  };
}

function told(events: readonly RegistryEvent[]): string[] {
  return events.map((event) =>
    'record' in event
      ? `${event.type} ${event.record.stream} ${event.record.epoch}`
      : `${event.type} ${event.node.incarnation}`,
  );
}

/** A mirror that knows n1 and two of its streams. */
function knowing(): RegistryMirror {
  const mirror = new RegistryMirror();
  mirror.merge({ nodes: [n1], streams: [record('a'), record('b')] }, { keepsAbsent: false });
  return mirror;
}

describe('what watchers know', () => {
  it('is nothing new when the listing says the same, whatever the load', () => {
    const nodes = [{ ...n1, load: { ...n1.load, viewers: 5 } }];
    const listing = { nodes, streams: [record('b'), record('a')] };
    for (const keepsAbsent of [true, false]) expect(knowing().merge(listing, { keepsAbsent })).toEqual([]);
  });

  it('is made up by ends, joins, claims in the order of their epochs, and updates', () => {
    const streams = [
      record('d', { epoch: 30, owner: refOf(n2) }),
      record('a', { state: 'interrupted' }),
      record('c', { epoch: 20 }),
    ];
    const nodes = [{ ...n1, isDraining: true }, n2];
    expect(told(knowing().merge({ nodes, streams }, { keepsAbsent: false }))).toEqual([
      'stream_ended live/b 10',
      'node_updated n1 run 1',
      'node_joined n2 run 1',
      'stream_updated live/a 10',
      'stream_claimed live/c 20',
      'stream_claimed live/d 30',
    ]);
  });

  it('hears that another run of a node has taken its place', () => {
    const again = testNode('n1', { incarnation: 'n1 run 2' });
    const events = knowing().merge(
      { nodes: [again], streams: [record('a'), record('b')] },
      { keepsAbsent: false },
    );
    expect(told(events)).toEqual(['node_left n1 run 1', 'node_joined n1 run 2']);
  });

  it('keeps what a store that lost data does not list, and does not go back to lower epochs', () => {
    const mirror = knowing();
    const older = { nodes: [], streams: [record('a', { epoch: 9, owner: refOf(n2) })] };
    expect(mirror.merge(older, { keepsAbsent: true })).toEqual([]);
    expect(mirror.apply({ type: 'stream_claimed', record: record('a', { epoch: 9 }) })).toBe(false);
    expect(mirror.apply({ type: 'stream_claimed', record: record('a') })).toBe(false);
    expect(mirror.apply({ type: 'node_joined', node: n1 })).toBe(false);
    expect(told(mirror.merge(older, { keepsAbsent: false }))).toEqual([
      'node_left n1 run 1',
      'stream_ended live/b 10',
      'stream_claimed live/a 9',
    ]);
  });
});
