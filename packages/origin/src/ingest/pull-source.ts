// What a pull run needs of a source, whatever protocol it is fetched by.
import type { FrameKind } from '@headwater/media';

/**
 * How an attempt to pull ended. `unreachable`: no connection. `refused`: the source said no. `timeout`: it did not answer
 * in time. `silent`: it stopped sending. `ended`: it said that it is over, or closed the connection. `protocol`: it broke
 * its protocol or passed a limit. `unsupported`: it has nothing that can be carried. `engine`: our side of it failed.
 * `unpublished`: this node does not take the stream. `replaced`: another publisher took it over. `stopped`: the job ended.
 */
export type PullOutcome =
  | 'unreachable'
  | 'refused'
  | 'timeout'
  | 'silent'
  | 'ended'
  | 'protocol'
  | 'unsupported'
  | 'engine'
  | 'unpublished'
  | 'replaced'
  | 'stopped';

/** Why a source ended; `why` may hold what the source said, so it is cleaned before it is shown. */
export interface PullFailure {
  readonly outcome: PullOutcome;
  readonly why: string;
}

/** What a source tells its run. */
export interface PullSourceDelegate {
  /** The source agreed to send. */
  started(): void;
  /** One message as an RTMP publisher would send it. `payload` is owned by the receiver. */
  media(kind: FrameKind, timestampMs: number, payload: Buffer): void;
  /** Frames that arrived damaged and were left out. */
  dropped(frames: number): void;
  /** The source is over. At most once, nothing after it, and never after `close`. */
  closed(failure: PullFailure): void;
}

/** An open source. */
export interface PullSource {
  /** Ends it and says nothing more. Twice does nothing. */
  close(): void;
}

/** Opens a source. May call `closed` before it returns, and never throws. */
export type OpenPullSource = (url: string, delegate: PullSourceDelegate) => PullSource;

const maxShownLength = 300;

/** What may be shown of a reason that a source, or the engine on its behalf, gave: one line, cut, without its secrets. */
export function shownReason(why: string, url: string): string {
  let text = why;
  for (const secret of secretsOf(url)) text = text.replaceAll(secret, '***');
  return text.replace(/[^\x20-\x7e\u00a0-\uffff]+/g, ' ').slice(0, maxShownLength);
}

function secretsOf(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { username, password } = new URL(url);
  if (password === '') return [];
  const pair = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64');
  return [password, decoded(password), pair];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
