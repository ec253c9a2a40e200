// Failures as RFC 9457 problem details.
import { problemOf, toAppError, type Problem } from '@headwater/contracts';

const statusTitles: Readonly<Record<number, string>> = {
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Content Too Large',
};

/** A failure of the catalogue as a response. */
export function problemOfError(caught: unknown): Response {
  return problemResponse(problemOf(toAppError(caught)));
}

/** A failure that its HTTP status says all about. */
export function problemOfStatus(
  status: 404 | 405 | 413,
  detail: string,
  headers: Record<string, string> = {},
): Response {
  const title = statusTitles[status] ?? 'Error';
  return problemResponse({ type: 'about:blank', title, status, detail, isRetryable: false }, headers);
}

function problemResponse(problem: Problem, headers: Record<string, string> = {}): Response {
  return new Response(`${JSON.stringify(problem)}\n`, {
    status: problem.status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(problem.isRetryable ? { 'retry-after': '1' } : {}),
      ...headers,
    },
  });
}
