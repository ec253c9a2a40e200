// What can go wrong with a call to Consul, as one class: what was tried, what came back, and what an operator makes of it.

/** `unreachable` and `timeout` mean that nothing answered; `denied` the token; `unknown` a check or service; else `answer`. */
export type ConsulFailureKind = 'unreachable' | 'timeout' | 'denied' | 'unknown' | 'answer';

/** A failed call. The message reads as a sentence and never carries the token. */
export class ConsulFailure extends Error {
  readonly kind: ConsulFailureKind;
  readonly operation: string;
  /** HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** What Consul said, shortened. */
  readonly said: string | undefined;

  constructor(kind: ConsulFailureKind, operation: string, answer: { status?: number; said?: string } = {}) {
    super(explain(kind, operation, answer.said));
    this.name = 'ConsulFailure';
    this.kind = kind;
    this.operation = operation;
    this.status = answer.status;
    this.said = answer.said;
  }
}

/** Makes a `ConsulFailure` of what a client threw: an answer with an error status, or none at all. */
export function toConsulFailure(operation: string, caught: unknown): ConsulFailure {
  if (caught instanceof ConsulFailure) return caught;
  const error = caught instanceof Error ? caught : new Error(String(caught));
  if (isMarked(error, 'isTimeout')) return new ConsulFailure('timeout', operation);
  const answer = 'response' in error ? asAnswer(error.response) : undefined;
  if (answer !== undefined && isMarked(error, 'isResponse')) {
    return new ConsulFailure(kindOfAnswer(answer), operation, answer);
  }
  // Something came, but it could not be read to its end.
  if (answer !== undefined) {
    return new ConsulFailure('answer', operation, { status: answer.status, said: short(error.message) });
  }
  return new ConsulFailure('unreachable', operation, { said: short(error.message) });
}

/** The client library marks its errors by a property each. */
function isMarked(error: object, mark: 'isTimeout' | 'isResponse'): boolean {
  return mark in error && (error as Record<string, unknown>)[mark] === true;
}

function asAnswer(response: unknown): { status: number; said: string } | undefined {
  if (typeof response !== 'object' || response === null || !('statusCode' in response)) return undefined;
  const body = 'body' in response ? response.body : '';
  const said = typeof body === 'string' || Buffer.isBuffer(body) ? body.toString() : '';
  return { status: Number(response.statusCode), said: short(said) };
}

function kindOfAnswer({ status, said }: { status: number; said: string }): ConsulFailureKind {
  // Older versions say 500 with the reason in words.
  if (status === 401 || status === 403 || /ACL not found|Permission denied/i.test(said)) return 'denied';
  if (status === 404 || /unknown (check|service)|associated TTL/i.test(said)) return 'unknown';
  return 'answer';
}

function explain(kind: ConsulFailureKind, operation: string, said = ''): string {
  const suffix = said === '' ? '' : `: ${said}`;
  switch (kind) {
    case 'denied':
      return /ACL not found/i.test(said)
        ? `Consul does not know the token (${operation})`
        : `the token may not do this (${operation})${suffix}`;
    case 'timeout':
      return `Consul did not answer in time (${operation})`;
    case 'unreachable':
      return `Consul cannot be reached (${operation})${suffix}`;
    case 'unknown':
      return `Consul does not know what was meant (${operation})${suffix}`;
    case 'answer':
      return `Consul's answer was not usable (${operation})${suffix}`;
  }
}

function short(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
