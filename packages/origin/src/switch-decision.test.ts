import { describe, expect, it } from 'vitest';
import { switchCause, type PrimarySight, type SwitchCause } from './switch-decision.ts';

const healthy: PrimarySight = { recorded: 'live', pulled: 'live', lastFrameMs: 9_990, hasProbeFailed: false };

function causeOf(changes: Partial<PrimarySight>, watchedSinceMs = 0): SwitchCause | undefined {
  return switchCause({ ...healthy, ...changes }, { nowMs: 10_000, watchedSinceMs, silentAfterMs: 1_000 });
}

describe('a backup takes over', () => {
  it.each<[string, Partial<PrimarySight>, SwitchCause]>([
    ['when the primary has been silent for long enough', { lastFrameMs: 9_000 }, 'silent'],
    ['when its publisher is away, by its owner', { pulled: 'interrupted' }, 'interrupted'],
    ['when its publisher is away, by the registry', { recorded: 'interrupted' }, 'interrupted'],
    [
      'when its owner breaks off and does not answer',
      { pulled: undefined, hasProbeFailed: true },
      'unreachable',
    ],
    [
      'when its owner is held for dead and not heard',
      { recorded: 'orphaned', pulled: undefined },
      'orphaned',
    ],
    ['when its owner is held for dead and silent', { recorded: 'orphaned', lastFrameMs: 8_000 }, 'orphaned'],
    ['when a dead owner was never heard', { recorded: 'orphaned', lastFrameMs: undefined }, 'orphaned'],
    ['when the stream has ended', { recorded: 'ended', pulled: undefined }, 'ended'],
  ])('%s', (_, changes, cause) => {
    expect(causeOf(changes)).toBe(cause);
  });
});

describe('a backup waits', () => {
  it.each<[string, Partial<PrimarySight>]>([
    ['while all is well', {}],
    ['while silence is short', { lastFrameMs: 9_001 }],
    ['while a broken pull may come back', { pulled: undefined }],
    ['while an owner that is cut off from the registry delivers', { recorded: 'orphaned' }],
    [
      'while it has never heard an owner that others may hear',
      { lastFrameMs: undefined, pulled: undefined, hasProbeFailed: true },
    ],
    ['while a primary that just began has sent nothing yet', { lastFrameMs: undefined }],
  ])('%s', (_, changes) => {
    expect(causeOf(changes)).toBeUndefined();
  });

  it('counts silence only from when it was there to hear', () => {
    expect(causeOf({ lastFrameMs: 5_000 }, 9_500)).toBeUndefined();
    expect(causeOf({ lastFrameMs: 5_000 }, 9_000)).toBe('silent');
  });
});
