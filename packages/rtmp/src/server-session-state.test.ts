import { describe, expect, it } from 'vitest';
import {
  nextConnectionState,
  nextMessageStreamState,
  type ConnectionEvent,
  type ConnectionState,
  type MessageStreamEvent,
  type MessageStreamState,
} from './server-session-state.ts';

describe('the state of a connection', () => {
  const states: readonly ConnectionState[] = ['handshake', 'awaiting-connect', 'connected', 'closed'];
  const events: readonly ConnectionEvent[] = ['handshake-done', 'connect-accepted', 'close'];
  const moves: Readonly<Record<string, ConnectionState>> = {
    'handshake, handshake-done': 'awaiting-connect',
    'handshake, close': 'closed',
    'awaiting-connect, connect-accepted': 'connected',
    'awaiting-connect, close': 'closed',
    'connected, close': 'closed',
  };
  const pairs = states.flatMap((state) => events.map((event) => ({ state, event })));

  it.each(pairs)('$state moves on $event only as the table says', ({ state, event }) => {
    expect(nextConnectionState(state, event)).toBe(moves[`${state}, ${event}`]);
  });
});

describe('the state of a message stream', () => {
  const states: readonly MessageStreamState[] = [
    'idle',
    'publish-requested',
    'publishing',
    'play-requested',
    'playing',
    'paused',
  ];
  const events: readonly MessageStreamEvent[] = [
    'publish',
    'publish-accepted',
    'play',
    'play-accepted',
    'pause',
    'resume',
    'end',
  ];
  const moves: Readonly<Record<string, MessageStreamState>> = {
    'idle, publish': 'publish-requested',
    'idle, play': 'play-requested',
    'publish-requested, publish-accepted': 'publishing',
    'publish-requested, end': 'idle',
    'publishing, end': 'idle',
    'play-requested, play-accepted': 'playing',
    'play-requested, end': 'idle',
    'playing, pause': 'paused',
    'playing, end': 'idle',
    'paused, resume': 'playing',
    'paused, end': 'idle',
  };
  const pairs = states.flatMap((state) => events.map((event) => ({ state, event })));

  it.each(pairs)('$state moves on $event only as the table says', ({ state, event }) => {
    expect(nextMessageStreamState(state, event)).toBe(moves[`${state}, ${event}`]);
  });
});
