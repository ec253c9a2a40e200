import type { Problem } from './api.ts';
import type { AppError } from './errors.ts';

/** A failure of the catalogue as RFC 9457 problem details. */
export function problemOf(error: AppError): Problem {
  const { http: status, message: title, retryable: isRetryable } = error.entry;
  return { type: `urn:headwater:error:${error.code}`, title, status, detail: error.message, isRetryable };
}
