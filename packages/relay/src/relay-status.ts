// Between `AppError` and gRPC's status: the catalogue names the status, a trailer carries the exact code.
import { AppError, errorCatalogue, type ErrorCode, type ErrorDetails } from '@headwater/contracts';
import { Metadata, status, type StatusObject } from '@grpc/grpc-js';

/** The trailer with the catalogue's code. */
const codeTrailer = 'headwater-code';

/** The status that tells a peer of the error. */
export function statusOf(error: AppError): StatusObject {
  const metadata = new Metadata();
  metadata.set(codeTrailer, error.code);
  const code = status[error.entry.grpc as keyof typeof status];
  // grpc-js hands the text to encodeURI, which throws on half a surrogate pair; details may hold a peer's bytes.
  return { code, details: error.message.replace(/[^\x20-\x7e]/g, '?'), metadata };
}

/** True when the status came from a node's decision and not from the connection. */
export function isDecision(received: Partial<StatusObject>): boolean {
  return decidedCode(received) !== undefined;
}

/** The error that a received status tells of. */
export function errorOf(received: Partial<StatusObject>, details: ErrorDetails): AppError {
  const code = decidedCode(received) ?? codesByStatus.get(received.code ?? status.UNKNOWN);
  return new AppError(code ?? 'upstream_unavailable', {
    details: { ...details, status: status[received.code ?? status.UNKNOWN], answer: received.details },
  });
}

const codesByStatus: ReadonlyMap<number, ErrorCode> = new Map([
  [status.NOT_FOUND, 'stream_not_found'],
  [status.RESOURCE_EXHAUSTED, 'limit_reached'],
  [status.FAILED_PRECONDITION, 'epoch_stale'],
  [status.INVALID_ARGUMENT, 'request_malformed'],
  [status.UNIMPLEMENTED, 'role_missing'],
  [status.PERMISSION_DENIED, 'play_denied'],
  [status.UNAUTHENTICATED, 'play_denied'],
]);

function decidedCode(received: Partial<StatusObject>): ErrorCode | undefined {
  const code = received.metadata?.get(codeTrailer)[0];
  return typeof code === 'string' && Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : undefined;
}
