// The calls of a client session, in the order in which encoders and players are known to make them.
import type { AmfValue } from './amf-value.ts';
import { announcedCapabilities } from './enhanced-capabilities.ts';
import { forwarderProperties, type ForwardedClient } from './forwarding.ts';
import type { SessionOutput } from './session-output.ts';

/** What a client wants to do. */
export type ClientAction = 'publish' | 'play';

/** Transaction ids: fixed, since each call is made once. */
export const clientTransaction = {
  connect: 1,
  releaseStream: 2,
  fcPublish: 3,
  createStream: 4,
  start: 5,
  fcUnpublish: 6,
  deleteStream: 7,
} as const;

/** `live` as a start time, in ms: whatever comes from now on. */
const startLive = -1000;
const bufferMs = 3000;

/** What `connect` says. */
export interface ConnectOptions {
  readonly action: ClientAction;
  readonly app: string;
  readonly tcUrl: string;
  readonly flashVer: string;
  /** Bits of `capsEx`; undefined leaves all of Enhanced RTMP out. */
  readonly capsEx: number | undefined;
  /** The client forwards somebody else's publish. */
  readonly isForwarder: boolean;
  /** Who that is, for a node that believes it. */
  readonly forwardedClient: ForwardedClient | undefined;
}

/** Calls `connect`. */
export function callConnect(output: SessionOutput, options: ConnectOptions): void {
  const properties = new Map<string, AmfValue>([['app', options.app]]);
  if (options.action === 'publish') properties.set('type', 'nonprivate');
  properties.set('flashVer', options.flashVer);
  properties.set('tcUrl', options.tcUrl);
  if (options.action === 'play') {
    properties.set('fpad', false);
    properties.set('capabilities', 15);
    properties.set('audioCodecs', 4071);
    properties.set('videoCodecs', 252);
    properties.set('videoFunction', 1);
  }
  properties.set('objectEncoding', 0);
  if (options.capsEx !== undefined) {
    for (const [key, value] of announcedCapabilities(options.capsEx)) properties.set(key, value);
  }
  if (options.isForwarder) {
    for (const [key, value] of forwarderProperties(options.forwardedClient)) properties.set(key, value);
  }
  output.command('connect', clientTransaction.connect, [properties]);
}

/** Asks for a message stream; a publisher first says what it is going to publish. */
export function callCreateStream(output: SessionOutput, action: ClientAction, name: string): void {
  if (action === 'publish') {
    output.command('releaseStream', clientTransaction.releaseStream, [null, name]);
    output.command('FCPublish', clientTransaction.fcPublish, [null, name]);
  }
  output.command('createStream', clientTransaction.createStream, [null]);
}

/** Calls `publish` or `play` on the message stream. */
export function callStart(
  output: SessionOutput,
  action: ClientAction,
  name: string,
  messageStreamId: number,
): void {
  if (action === 'publish') {
    output.command('publish', clientTransaction.start, [null, name, 'live'], messageStreamId);
    return;
  }
  output.command('play', clientTransaction.start, [null, name, startLive], messageStreamId);
  output.control({ kind: 'setBufferLength', messageStreamId, bufferMs });
}

/** Ends what was started. */
export function callEnd(
  output: SessionOutput,
  action: ClientAction,
  name: string,
  messageStreamId: number,
): void {
  if (action === 'publish') output.command('FCUnpublish', clientTransaction.fcUnpublish, [null, name]);
  output.command('deleteStream', clientTransaction.deleteStream, [null, messageStreamId]);
}
