// The one catalogue of failures. Each code says once how it reads, whether a retry can help, and how every protocol
// answers it, so that no listener invents its own wording.

/** How bad a failure is for the operator. */
export type ErrorLogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One row of the catalogue. `grpc` is a gRPC status name, `rtmp` an onStatus or _error code. */
export interface ErrorEntry {
  readonly message: string;
  readonly retryable: boolean;
  readonly http: number;
  readonly grpc: string;
  readonly rtmp: string;
  readonly level: ErrorLogLevel;
}

const rows = {
  stream_name_invalid: row(
    'stream name is not valid',
    false,
    400,
    'INVALID_ARGUMENT',
    'NetStream.Publish.BadName',
    'info',
  ),
  app_unknown: row(
    'application is not served here',
    false,
    404,
    'NOT_FOUND',
    'NetConnection.Connect.InvalidApp',
    'info',
  ),
  stream_not_found: row(
    'stream is not live',
    true,
    404,
    'NOT_FOUND',
    'NetStream.Play.StreamNotFound',
    'info',
  ),
  path_unknown: row(
    'there is nothing at this path',
    false,
    404,
    'NOT_FOUND',
    'NetConnection.Connect.Rejected',
    'info',
  ),
  already_publishing: row(
    'stream is already being published',
    true,
    409,
    'ALREADY_EXISTS',
    'NetStream.Publish.BadName',
    'info',
  ),
  publish_denied: row(
    'publishing is not allowed',
    false,
    403,
    'PERMISSION_DENIED',
    'NetStream.Publish.Denied',
    'warn',
  ),
  play_denied: row(
    'playing is not allowed',
    false,
    403,
    'PERMISSION_DENIED',
    'NetStream.Play.Failed',
    'warn',
  ),
  role_missing: row(
    'this node does not have the role for that',
    false,
    404,
    'UNIMPLEMENTED',
    'NetConnection.Connect.Rejected',
    'info',
  ),
  limit_reached: row(
    'a limit of this node is reached',
    true,
    503,
    'RESOURCE_EXHAUSTED',
    'NetConnection.Connect.Rejected',
    'warn',
  ),
  draining: row('this node is draining', true, 503, 'UNAVAILABLE', 'NetConnection.Connect.Rejected', 'info'),
  epoch_stale: row(
    'a newer owner of the stream exists',
    false,
    409,
    'FAILED_PRECONDITION',
    'NetStream.Publish.BadName',
    'info',
  ),
  job_conflict: row(
    'the stream has a job with another source',
    false,
    409,
    'ALREADY_EXISTS',
    'NetStream.Publish.BadName',
    'info',
  ),
  registry_unavailable: row(
    'the registry does not answer',
    true,
    503,
    'UNAVAILABLE',
    'NetStream.Publish.Failed',
    'warn',
  ),
  edge_unavailable: row(
    'no edge takes viewers at the moment',
    true,
    503,
    'UNAVAILABLE',
    'NetConnection.Connect.Rejected',
    'warn',
  ),
  redirect_loop: row(
    'the request was sent around in a circle',
    false,
    508,
    'FAILED_PRECONDITION',
    'NetConnection.Connect.Rejected',
    'warn',
  ),
  upstream_unavailable: row(
    'no origin serves the stream',
    true,
    502,
    'UNAVAILABLE',
    'NetStream.Play.StreamNotFound',
    'warn',
  ),
  request_malformed: row(
    'the request is malformed',
    false,
    400,
    'INVALID_ARGUMENT',
    'NetConnection.Connect.Rejected',
    'info',
  ),
  config_invalid: row(
    'the configuration is not valid',
    false,
    500,
    'INTERNAL',
    'NetConnection.Connect.Rejected',
    'error',
  ),
  address_unusable: row(
    'an address cannot be listened on',
    false,
    500,
    'INTERNAL',
    'NetConnection.Connect.Rejected',
    'error',
  ),
  protocol_violation: row(
    'the peer broke the protocol',
    false,
    400,
    'INVALID_ARGUMENT',
    'NetConnection.Connect.Rejected',
    'info',
  ),
  internal: row('internal error', true, 500, 'INTERNAL', 'NetConnection.Connect.Failed', 'error'),
} as const;

/** Every code of the catalogue. */
export type ErrorCode = keyof typeof rows;

/** code → how it reads and how each protocol answers it. */
export const errorCatalogue: Readonly<Record<ErrorCode, ErrorEntry>> = rows;

/** Values that say what was wrong and what was expected. Never secrets. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>;

/** The one error class for failures that cross a package border. The message reads `message (key=value, …)`. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    const details = options.details ?? {};
    const shown = Object.entries(details).filter(([, value]) => value !== undefined);
    const suffix =
      shown.length === 0 ? '' : ` (${shown.map(([key, value]) => `${key}=${String(value)}`).join(', ')})`;
    super(errorCatalogue[code].message + suffix, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = details;
  }

  /** The catalogue's row of this error. */
  get entry(): ErrorEntry {
    return errorCatalogue[this.code];
  }
}

/** A peer sent bytes that break a protocol. `offset` counts bytes from the start of the parsed unit or connection. */
export class ProtocolError extends AppError {
  readonly offset: number;

  constructor(what: string, offset: number, details: ErrorDetails = {}) {
    super('protocol_violation', { details: { what, offset, ...details } });
    this.name = 'ProtocolError';
    this.offset = offset;
  }
}

/** Makes an `AppError` of anything caught; unknown things become `internal` with the cause kept. */
export function toAppError(caught: unknown): AppError {
  return caught instanceof AppError ? caught : new AppError('internal', { cause: caught });
}

function row(
  message: string,
  retryable: boolean,
  http: number,
  grpc: string,
  rtmp: string,
  level: ErrorLogLevel,
): ErrorEntry {
  return { message, retryable, http, grpc, rtmp, level };
}
