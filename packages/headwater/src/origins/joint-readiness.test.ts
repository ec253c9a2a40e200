import { describe, expect, it } from 'vitest';
import { jointDoubts, jointReasons, type ServingOrigin } from './joint-readiness.ts';

const origin = (nodeId: string, state: Partial<ServingOrigin['state']> = {}): ServingOrigin => ({
  nodeId,
  state: { reasons: [], doubts: [], ...state },
});

const [good, draining, unheard] = [
  origin('o-1'),
  origin('o-2', { reasons: ['node is draining'] }),
  origin('o-3', { doubts: ['nobody has heard of it'] }),
];

describe('several origins together', () => {
  it.each([
    ['none serves', [], ['no origin serves']],
    ['one would take publishers', [draining, good], []],
    ['none would', [draining, origin('o-1', draining.state)], ['node is draining']],
  ])('are ready or not when %s', (_when, serving, reasons) => {
    expect(jointReasons(serving)).toEqual(reasons);
  });

  it.each([
    ['all of them share', [unheard, origin('o-1', unheard.state)], ['nobody has heard of it']],
    [
      'are about one that takes no publishers',
      [good, draining],
      ['o-2 takes no publishers: node is draining'],
    ],
    ['are about one that is not there', [good], ['1 of 2 origins do not serve']],
    ['are none in a drain of all', [draining, origin('o-1', draining.state)], []],
    ['are none where none serves', [], []],
  ])('have doubts that %s', (_which, serving, doubts) => {
    expect(jointDoubts(serving, 2)).toEqual(doubts);
  });
});
