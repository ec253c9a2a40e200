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
