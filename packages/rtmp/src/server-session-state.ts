// The two state machines of a server session: the connection, and each of its message streams. What is not in a table
// cannot happen; the caller decides what a client gets that tries.

/** Where a connection stands. */
export type ConnectionState = 'handshake' | 'awaiting-connect' | 'connected' | 'closed';

/** What moves a connection. */
export type ConnectionEvent = 'handshake-done' | 'connect-accepted' | 'close';

const connectionTable: Transitions<ConnectionState, ConnectionEvent> = {
  handshake: { 'handshake-done': 'awaiting-connect', close: 'closed' },
  'awaiting-connect': { 'connect-accepted': 'connected', close: 'closed' },
  connected: { close: 'closed' },
  closed: {},
};

/** Where a message stream stands. A deleted one is gone from its connection. */
export type MessageStreamState =
  'idle' | 'publish-requested' | 'publishing' | 'play-requested' | 'playing' | 'paused';

/** What moves a message stream. `end` is anyone's: the client's, the node's, or that of a refusal. */
export type MessageStreamEvent =
  'publish' | 'publish-accepted' | 'play' | 'play-accepted' | 'pause' | 'resume' | 'end';

const messageStreamTable: Transitions<MessageStreamState, MessageStreamEvent> = {
  idle: { publish: 'publish-requested', play: 'play-requested' },
  'publish-requested': { 'publish-accepted': 'publishing', end: 'idle' },
  publishing: { end: 'idle' },
  'play-requested': { 'play-accepted': 'playing', end: 'idle' },
  playing: { pause: 'paused', end: 'idle' },
  paused: { resume: 'playing', end: 'idle' },
};

/** The state after an event, undefined when the event cannot happen in this state. */
export function nextConnectionState(
  state: ConnectionState,
  event: ConnectionEvent,
): ConnectionState | undefined {
  return connectionTable[state][event];
}

/** The state after an event, undefined when the event cannot happen in this state. */
export function nextMessageStreamState(
  state: MessageStreamState,
  event: MessageStreamEvent,
): MessageStreamState | undefined {
  return messageStreamTable[state][event];
}

type Transitions<State extends string, Event extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Event, State>>>>
>;
