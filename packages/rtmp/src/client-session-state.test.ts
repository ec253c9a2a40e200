import { describe, expect, it } from 'vitest';
import { nextClientState, type ClientEvent, type ClientState } from './client-session-state.ts';

describe('the state of a client session', () => {
  const states: readonly ClientState[] = [
    'new',
    'handshake',
    'connecting',
    'creating-stream',
    'requesting',
    'live',
    'closed',
  ];
  const events: readonly ClientEvent[] = [
    'start',
    'handshake-done',
    'connected',
    'stream-created',
    'accepted',
    'close',
  ];
  const pairs = states.flatMap((state, index) => events.map((event, at) => ({ state, event, index, at })));

  it.each(pairs)(
    '$state moves on $event one step forward, or to its end, or not',
    ({ state, event, index, at }) => {
      const forward = at === index && event !== 'close' ? states[index + 1] : undefined;
      const end = event === 'close' && state !== 'closed' ? 'closed' : undefined;
      expect(nextClientState(state, event)).toBe(forward ?? end);
    },
  );
});
