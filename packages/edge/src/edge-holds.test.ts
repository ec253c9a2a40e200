import { silentMetrics, type MetricLabels } from '@headwater/contracts';
import { testFrames } from '@headwater/relay/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EdgeRig, rigTimes, settle } from './testing/index.ts';

let rig: EdgeRig;
/** What was observed, name by name: labels and seconds. */
let observed: Map<string, [MetricLabels, number][]>;

beforeEach(async () => {
  observed = new Map();
  rig = await EdgeRig.start({
    metrics: {
      ...silentMetrics,
      histogram: ({ name }) => ({
        observe: (value, labels = {}) => observed.set(name, [...(observed.get(name) ?? []), [labels, value]]),
      }),
    },
  });
  const viewer = rig.edge.admit({
    app: 'live',
    name: 'cam1',
    params: new Map(),
    context: { sessionId: 's', protocol: 'rtmp', remoteAddress: '192.0.2.1' },
    signal: new AbortController().signal,
  });
  await settle();
  rig.clock.advance(2_500);
  await rig.goLive(testFrames(0, 10));
  await viewer;
});

afterEach(async () => {
  await rig.close();
});

it('how long a viewer waited for its stream is observed', () => {
  expect(observed.get('headwater_play_join_seconds')).toEqual([[{ protocol: 'rtmp' }, 2.5]]);
});

it.each([
  ['resumed', 0, { nodeId: 'origin-1', incarnation: 'run-1' }],
  ['republished', 1, { nodeId: 'origin-1', incarnation: 'run-1' }],
  ['failed_over', 1, { nodeId: 'origin-2', incarnation: 'run-2' }],
])('a hold that ends as %s is observed with its length', async (outcome, newer, owner) => {
  const [stream] = rig.edge.streams.values();
  rig.pulls.at(-1)?.state('interrupted');
  rig.clock.advance(1_500);
  const epoch = (stream?.epoch ?? 0) + newer;
  const pull = rig.pulls.at(-1);
  if (newer === 0) pull?.state('live');
  else {
    stream?.claimed({
      stream: stream.key,
      owner,
      relayAddress: 'x:1',
      epoch,
      state: 'live',
      codecs: [],
      sinceMs: 0,
    });
    rig.pulls.at(-1)?.opened({ epoch, firstSequence: 0, resumed: false, state: 'live' });
    rig.pulls.at(-1)?.frames(testFrames(0, 10));
  }
  expect(observed.get('headwater_edge_hold_seconds')).toEqual([[{ outcome }, 1.5]]);
});

it.each([
  ['republished', { nodeId: 'origin-1', incarnation: 'run-1' }],
  ['failed_over', { nodeId: 'origin-2', incarnation: 'run-2' }],
])(
  'how long there was no picture between two epochs is observed where it is %s, whether or not anybody was held',
  (outcome, owner) => {
    const [stream] = rig.edge.streams.values();
    if (stream === undefined) throw new Error('there is no stream');
    rig.clock.advance(700);
    const epoch = stream.epoch + 1;
    stream.claimed({
      stream: stream.key,
      owner,
      relayAddress: 'x:1',
      epoch,
      state: 'live',
      codecs: [],
      sinceMs: 0,
    });
    rig.pulls.at(-1)?.opened({ epoch, firstSequence: 0, resumed: false, state: 'live' });
    const [first, ...media] = testFrames(0, 10);
    rig.pulls.at(-1)?.frames(first === undefined ? [] : [{ ...first, role: 'header' }]);
    rig.clock.advance(300);
    expect(observed.get('headwater_edge_epoch_gap_seconds')).toBeUndefined();
    rig.pulls.at(-1)?.frames(media);
    rig.clock.advance(300);
    rig.pulls.at(-1)?.frames(testFrames(10, 20));
    expect(observed.get('headwater_edge_epoch_gap_seconds')).toEqual([[{ outcome }, 1]]);
  },
);

it('each hold is observed with its own length', () => {
  for (const lengthMs of [1_500, 500]) {
    rig.pulls.at(-1)?.state('interrupted');
    rig.clock.advance(lengthMs);
    rig.pulls.at(-1)?.state('live');
    rig.clock.advance(1_000);
  }
  const outcome = 'resumed';
  expect(observed.get('headwater_edge_hold_seconds')).toEqual([
    [{ outcome }, 1.5],
    [{ outcome }, 0.5],
  ]);
});

it('a hold that ends with the stream is observed, too', () => {
  rig.pulls.at(-1)?.state('interrupted');
  rig.clock.advance(rigTimes.holdMs);
  expect(observed.get('headwater_edge_hold_seconds')).toEqual([
    [{ outcome: 'ended' }, rigTimes.holdMs / 1000],
  ]);
});
