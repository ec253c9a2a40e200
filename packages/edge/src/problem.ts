import { STATUS_CODES } from 'node:http';
import type { AppError } from '@headwater/contracts';

/** An error as an HTTP answer: RFC 9457 problem details. */
export interface ProblemAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Builds the answer from the error's row in the catalogue. */
export function problemAnswer(error: AppError): ProblemAnswer {
  const { http: status, message: title, retryable } = error.entry;
  const reason = STATUS_CODES[status] ?? 'Error';
  const body = `${JSON.stringify({ type: 'about:blank', title, status, code: error.code, detail: error.message })}\n`;
  return {
    status,
    reason,
    headers: {
      'Content-Type': 'application/problem+json',
      'Content-Length': String(Buffer.byteLength(body)),
      'Cache-Control': 'no-store',
      ...(retryable ? { 'Retry-After': '1' } : {}),
    },
    body,
  };
}
