import type { NodeRole } from '@headwater/cluster';
import { describe, expect, it } from 'vitest';
import { doubtsOf } from './doubts.ts';

const streams = /not heard of this node .*: new streams are found by nobody/;
const gone = /not heard of this node .*: others may take it for gone/;
const viewers = /nothing is heard of the other nodes: viewers are sent by what was known last/;

describe('a node that the registry has not heard of, and that hears of nobody', () => {
  const cases: readonly (readonly [readonly NodeRole[], readonly RegExp[]])[] = [
    [['origin'], [streams]],
    [['edge'], [gone]],
    [['controller'], [gone]],
    [['router'], [viewers]],
    [
      ['edge', 'router'],
      [gone, viewers],
    ],
    [
      ['origin', 'edge', 'controller', 'router'],
      [streams, viewers],
    ],
  ];

  it.each(cases)('says as %j what comes of it', (roles, expected) => {
    const doubts = doubtsOf({ roles, isUnheard: true, isStale: true });
    expect(doubts).toEqual(expected.map((pattern) => expect.stringMatching(pattern) as string));
  });
});

it('a node that is heard of and hears of the others is in no doubt', () => {
  expect(doubtsOf({ roles: ['origin', 'router'], isUnheard: false, isStale: false })).toEqual([]);
});
