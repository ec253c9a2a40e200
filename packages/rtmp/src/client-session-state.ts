/** Where a client session stands. `live` means that the server accepted the publish or play. */
export type ClientState =
  'new' | 'handshake' | 'connecting' | 'creating-stream' | 'requesting' | 'live' | 'closed';

/** What moves a client session. */
export type ClientEvent = 'start' | 'handshake-done' | 'connected' | 'stream-created' | 'accepted' | 'close';

const table: Readonly<Record<ClientState, Readonly<Partial<Record<ClientEvent, ClientState>>>>> = {
  new: { start: 'handshake', close: 'closed' },
  handshake: { 'handshake-done': 'connecting', close: 'closed' },
  connecting: { connected: 'creating-stream', close: 'closed' },
  'creating-stream': { 'stream-created': 'requesting', close: 'closed' },
  requesting: { accepted: 'live', close: 'closed' },
  live: { close: 'closed' },
  closed: {},
};

/** The state after an event, undefined when the event cannot happen in this state. */
export function nextClientState(state: ClientState, event: ClientEvent): ClientState | undefined {
  return table[state][event];
}
