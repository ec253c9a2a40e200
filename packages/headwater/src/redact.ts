// Keeps secrets out of the log: fields with telling names, and inside any text query parameters with telling names and
// the passwords of URLs.
import { shownSource } from '@headwater/contracts';

const hidden = '***';
const secretName = /^(token|secret|password|passphrase|authorization|cookie|signature|sig)$/i;
const secretParameter =
  /(\b(?:token|secret|password|passphrase|authorization|signature|sig)=|[?&]key=)[^&\s"'<>]+/gi;
const maxDepth = 4;

/** The text with the values of secret query parameters and the passwords of URLs replaced. */
export function redactText(text: string): string {
  const shown = text.includes('://') ? shownSource(text) : text;
  return shown.includes('=') ? shown.replace(secretParameter, `$1${hidden}`) : shown;
}

/** A copy of log fields without secrets. Values nested deeper than a log line should be are cut off. */
export function redactFields(fields: object, depth: number = 0): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    result[name] = secretName.test(name) ? hidden : redactValue(value, depth);
  }
  return result;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return redactError(value, depth);
  if (depth >= maxDepth) return '(nested)';
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => redactValue(item, depth + 1));
  return redactFields(value, depth + 1);
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  return {
    type: name,
    message: redactText(message),
    ...('code' in error ? { code: error.code } : {}),
    ...(stack === undefined ? {} : { stack: redactText(stack) }),
    ...(cause === undefined || depth >= maxDepth ? {} : { cause: redactValue(cause, depth + 1) }),
  };
}
