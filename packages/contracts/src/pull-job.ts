// A job is work that the cluster keeps doing for somebody: a pull ingest fetches a source and publishes it as a stream,
// on exactly one origin at a time. Its source is a URL that may carry a password, so it is shown only redacted.
import { AppError } from './errors.ts';
import type { StreamKey } from './stream-key.ts';

/** "Pull this source and publish it as this stream." Made only by `pullJob`. */
export interface PullJob {
  /** Follows from the stream: `live/cam1` has the job `live:cam1`, so that a stream has one job at most. */
  readonly id: string;
  readonly kind: 'pull';
  /** `rtsp://…` or `rtmp://…`, user name and password included. Never shown as it is: see `shownSource`. */
  readonly source: string;
  readonly stream: StreamKey;
}

/**
 * How a job stands on the node that runs it. `starting`: the source is being connected. `running`: media arrives.
 * `retrying`: it failed, and is tried again. `stopped`: it does not run here any more.
 */
export interface PullJobState {
  readonly state: 'starting' | 'running' | 'retrying' | 'stopped';
  /** Connections that were begun since the job came to this node. */
  readonly attempts: number;
  /** Without secrets. */
  readonly lastError?: string;
  /** How long it has been in this state. */
  readonly sinceMs: number;
}

/** What the id of a job looks like. */
export const jobIdPattern: RegExp = /^[A-Za-z0-9_.-]{1,128}:[A-Za-z0-9_.-]{1,128}$/;

/** The longest source, in characters. */
export const maxJobSourceLength: number = 2048;

/** What a source must be; completes "expected …". */
export const jobSourceExpected: string =
  'rtsp://HOST[:PORT]/PATH or rtmp://HOST[:PORT]/APP/NAME, with USER:PASSWORD@ before the host where needed';

const hidden = '***';
const userInfo = /(:\/\/)([^/?#\s"'<>]*)@/g;
const secretParameter =
  /([?&](?:token|key|secret|password|passphrase|authorization|signature|sig)=)[^&\s#]+/gi;

/** Makes a job. Throws `AppError` `request_malformed` that names a source which is none, without its secrets. */
export function pullJob(source: string, stream: StreamKey): PullJob {
  if (!isJobSource(source)) {
    const details = { source: shownText(source).slice(0, 128), expected: jobSourceExpected };
    throw new AppError('request_malformed', { details });
  }
  return { id: jobIdOf(stream), kind: 'pull', source, stream };
}

/** The id of a stream's job. */
export function jobIdOf(stream: StreamKey): string {
  return stream.replace('/', ':');
}

/** True for a URL that a job can pull from. */
export function isJobSource(text: string): boolean {
  if (text.length > maxJobSourceLength || !/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return false;
  const { protocol, hostname, pathname, port } = new URL(text);
  if (hostname === '' || port === '0') return false;
  if (protocol === 'rtsp:') return true;
  return protocol === 'rtmp:' && /^\/[^/]+\/./.test(pathname);
}

/** Any value with all sources in its texts as they may be shown. */
export function withShownSources(value: unknown): unknown {
  if (typeof value === 'string') return isJobSource(value) ? shownSource(value) : shownText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withShownSources);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withShownSources(inner)]));
}

/** A source as it may be shown and logged: the password, and query parameters with telling names, are hidden. */
export function shownSource(source: string): string {
  return source
    .replace(userInfo, (_match, slashes: string, user: string) => {
      const colon = user.indexOf(':');
      return colon < 0 ? `${slashes}${user}@` : `${slashes}${user.slice(0, colon)}:${hidden}@`;
    })
    .replace(secretParameter, `$1${hidden}`);
}

// What is no URL may still hold a password, with a slash in it: all up to the last @ is hidden.
function shownText(text: string): string {
  return shownSource(text.replace(/(:\/\/[^:@\s]*:)\S*@/, `$1${hidden}@`));
}
