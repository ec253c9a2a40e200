// What a server tells about a stream or connection: information objects of `onStatus`, `_result` and `_error`
// (RTMP 1.0 §7.2). Which code says what is known from Flash Media Server and from what encoders and players act on.
import { errorCatalogue, type AppError, type CloseReason, type ErrorCode } from '@headwater/contracts';
import { amfString, isAmfObject, type AmfObject, type AmfValue } from './amf-value.ts';

/** How a status is meant; after `error` most clients give up. */
export type StatusLevel = 'status' | 'warning' | 'error';

/** The part of an information object that clients look at. */
export interface RtmpStatus {
  readonly level: StatusLevel;
  /** E.g. `NetStream.Publish.Start`. */
  readonly code: string;
  readonly description: string;
}

/** The information object of a status, with further properties if need be. */
export function statusObject(status: RtmpStatus, more: Readonly<Record<string, AmfValue>> = {}): AmfObject {
  const { level, code, description } = status;
  return new Map<string, AmfValue>([
    ['level', level],
    ['code', code],
    ['description', description],
    ...Object.entries(more),
  ]);
}

/** The status in a command's arguments: the last object with a code. Undefined when there is none. */
export function findStatus(args: readonly AmfValue[]): RtmpStatus | undefined {
  const info = args.findLast((value) => isAmfObject(value) && value.has('code'));
  if (!isAmfObject(info)) return undefined;
  const level = amfString(info, 'level', 'status');
  return {
    level: level === 'error' || level === 'warning' ? level : 'status',
    code: amfString(info, 'code'),
    description: amfString(info, 'description'),
  };
}

/** How a refused `connect` is answered. */
export function connectRefusal(error: AppError): RtmpStatus {
  return refusal(error, 'NetConnection.', 'NetConnection.Connect.Rejected');
}

/** How a refused publish is answered. Encoders end at each of these codes instead of sending into the void. */
export function publishRefusal(error: AppError): RtmpStatus {
  return refusal(error, 'NetStream.Publish.', 'NetStream.Publish.Denied');
}

/** How a refused play is answered. */
export function playRefusal(error: AppError): RtmpStatus {
  return refusal(error, 'NetStream.Play.', 'NetStream.Play.Failed');
}

/** What a publisher is told when its stream is ended by the node. */
export function publishEnd(reason: CloseReason, description = ''): RtmpStatus {
  switch (reason) {
    case 'replaced':
      return error('NetStream.Publish.BadName', description || 'a newer publisher took over');
    case 'denied':
    case 'kicked':
      return error('NetStream.Publish.Denied', description || 'closed by the server');
    case 'limit':
    case 'timeout':
    case 'protocol_error':
    case 'internal_error':
      return error('NetStream.Publish.Failed', description || reason);
    default:
      return { level: 'status', code: 'NetStream.Unpublish.Success', description: description || reason };
  }
}

/** What a viewer is told when its stream is ended by the node; the end of the stream itself is no error. */
export function playEnd(reason: CloseReason): RtmpStatus {
  switch (reason) {
    case 'stream_not_found':
      return error('NetStream.Play.StreamNotFound', 'stream is not live');
    case 'denied':
    case 'kicked':
    case 'limit':
    case 'slow_viewer':
    case 'protocol_error':
    case 'internal_error':
      return error('NetStream.Play.Failed', reason);
    default:
      return { level: 'status', code: 'NetStream.Play.UnpublishNotify', description: 'stream has ended' };
  }
}

/** The row of the catalogue that a server's refusal means, for the client's side. */
export function errorCodeOf(status: RtmpStatus | undefined): ErrorCode {
  if (status === undefined) return 'upstream_unavailable';
  for (const [code, entry] of Object.entries(errorCatalogue)) {
    if (entry.rtmp === status.code && peerFailures.has(code as ErrorCode)) return code as ErrorCode;
  }
  return 'upstream_unavailable';
}

/** Failures of the catalogue that say something about the peer and not about us. */
const peerFailures: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'already_publishing',
  'stream_not_found',
  'publish_denied',
  'play_denied',
  'app_unknown',
]);

function refusal(refused: AppError, prefix: string, fallback: string): RtmpStatus {
  const { rtmp } = refused.entry;
  // A fault of ours is not explained to strangers.
  const description = refused.code === 'internal' ? refused.entry.message : refused.message;
  return error(rtmp.startsWith(prefix) ? rtmp : fallback, description);
}

function error(code: string, description: string): RtmpStatus {
  return { level: 'error', code, description };
}
