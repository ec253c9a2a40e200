// A witness that saw nothing wrong says something only if it says so when something is.
import type { FlvTag } from '@headwater/media';
import { expect, it } from 'vitest';
import { numberOf } from '../support/chaos-frames.ts';
import { faultsOf, Witness } from '../support/chaos-witness.ts';
import {
  audioFrame,
  audioSequenceHeader,
  framePeriodMs,
  videoFrame,
  videoSequenceHeader,
} from '../support/good-stream-frames.ts';

type Tags = readonly FlvTag[];

const headers = (atMs = 0): Tags => [
  { kind: 'video', timestampMs: atMs, payload: videoSequenceHeader },
  { kind: 'audio', timestampMs: atMs, payload: audioSequenceHeader },
];

/** Picture and sound of some frames of a session that began at `startMs` of the viewer's time. */
function frames(session: number, from: number, to: number, startMs = 0): Tags {
  return Array.from({ length: to - from }, (_, offset): Tags => {
    const timestampMs = startMs + (from + offset) * framePeriodMs;
    const number = numberOf(session, from + offset);
    return [
      { kind: 'video', timestampMs, payload: videoFrame(number) },
      { kind: 'audio', timestampMs, payload: audioFrame(number) },
    ];
  }).flat();
}

function faultsIn(tags: Tags, options: { sessions?: readonly number[]; end?: string } = {}): string[] {
  const witness = new Witness({
    output: 'rtmp',
    frames: tags,
    answers: [],
    end: options.end,
    hasAsked: true,
    stopReading: () => undefined,
    resumeReading: () => undefined,
    leave: () => undefined,
  });
  return faultsOf([witness], options.sessions);
}

const good = [...headers(), ...frames(0, 0, 30)];
const next = [...headers(5_000), ...frames(1, 0, 30, 5_000)];

it('a witness has nothing to say about good sessions one after the other', () => {
  expect(faultsIn(good)).toEqual([]);
  expect(faultsIn([...headers(), ...frames(0, 25, 60)])).toEqual([]);
  expect(faultsIn([...good, ...next], { sessions: [0, 1] })).toEqual([]);
});

it.each([
  ['a frame of an older session', [...good, ...next, ...frames(0, 30, 31, 6_000)], [0, 1]],
  ['video again', [...good, ...frames(0, 29, 30)], [0]],
  ['frames are missing', [...good, ...frames(0, 50, 60)], [0]],
  ['goes on without a keyframe', [...good, ...frames(0, 40, 60)], [0]],
  ['does not begin with a keyframe', [...headers(), ...frames(0, 3, 30)], [0]],
  ['without its headers', [...good, ...frames(1, 0, 30, 5_000)], [0, 1]],
  ['time goes back', [...good, ...headers(500), ...frames(1, 0, 30, 500)], [0, 1]],
  ['shifted apart', [...good, ...frames(0, 30, 31, 40)], [0]],
  [
    'was never sent',
    [...good, { kind: 'video', timestampMs: 2_000, payload: Buffer.from([0x27, 1, 9]) }],
    [0],
  ],
  ['saw the sessions 0', good, [0, 1]],
] satisfies [string, Tags, number[]][])('a witness says "%s" where that is so', (fault, tags, sessions) => {
  expect(faultsIn(tags, { sessions }).join('\n')).toContain(fault);
});

it('a witness says that it was disconnected', () => {
  expect(faultsIn(good, { end: 'reset' })).toEqual(['rtmp: disconnected: reset']);
});
