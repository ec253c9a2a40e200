import { STATUS_CODES } from 'node:http';
import { problemOf, type AppError } from '@headwater/contracts';

/** An error as an HTTP answer: RFC 9457 problem details. */
export interface ProblemAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Builds the answer from the error's row in the catalogue. */
export function problemAnswer(error: AppError): ProblemAnswer {
  const problem = problemOf(error);
  const body = `${JSON.stringify(problem)}\n`;
  return {
    status: problem.status,
    reason: STATUS_CODES[problem.status] ?? 'Error',
    headers: {
      'Content-Type': 'application/problem+json',
      'Content-Length': String(Buffer.byteLength(body)),
      'Cache-Control': 'no-store',
      ...(problem.isRetryable ? { 'Retry-After': '1' } : {}),
    },
    body,
  };
}
