/** Why a session or stream ended. Normal ends are values of this union, not errors. Also the label of the counters. */
export type CloseReason =
  | 'client_closed' // the peer ended it, politely or by closing the connection
  | 'unpublished' // the publisher ended the stream explicitly
  | 'publisher_lost' // the publisher's connection vanished
  | 'replaced' // a newer publisher took the stream over
  | 'stream_ended' // the stream a viewer watched is over
  | 'stream_not_found' // the stream did not come within the wait
  | 'hold_expired' // the publisher did not return within `hold`
  | 'slow_viewer' // a viewer did not read for too long
  | 'timeout' // a handshake, idle or silence deadline passed
  | 'denied' // the access policy refused
  | 'limit' // a limit of the node was reached
  | 'protocol_error' // the peer broke the protocol
  | 'kicked' // an operator closed it
  | 'shutdown' // the node stops or drains
  | 'internal_error'; // a fault of ours, logged with its cause

// A record and not a list, so that the compiler misses a reason that is added.
const closeReasons: Readonly<Record<CloseReason, true>> = {
  client_closed: true,
  unpublished: true,
  publisher_lost: true,
  replaced: true,
  stream_ended: true,
  stream_not_found: true,
  hold_expired: true,
  slow_viewer: true,
  timeout: true,
  denied: true,
  limit: true,
  protocol_error: true,
  kicked: true,
  shutdown: true,
  internal_error: true,
};

/** Whether a text is a close reason: a node of another version may have reasons that this one does not know. */
export function isCloseReason(text: string): text is CloseReason {
  return Object.hasOwn(closeReasons, text);
}
