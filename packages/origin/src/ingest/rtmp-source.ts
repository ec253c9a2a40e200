// An RTMP source, played with this program's own client session: its limits and its tests are those of the ingest.
import { connect } from 'node:net';
import type { Clock, CloseReason } from '@headwater/contracts';
import { parseRtmpTarget, RtmpClientSession } from '@headwater/rtmp';
import type { PullFailure, PullSource, PullSourceDelegate } from './pull-source.ts';

/** What an RTMP source needs. */
export interface RtmpSourceOptions {
  readonly url: string;
  readonly delegate: PullSourceDelegate;
  readonly clock: Clock;
  /** How long the server may take from the connection until it plays. */
  readonly startMs: number;
}

/** Commands are all that a player sends; a server that reads none of them has gone. */
const maxPendingBytes = 1024 * 1024;

/** Connects and plays. */
export function openRtmpSource(options: RtmpSourceOptions): PullSource {
  const { url, delegate, clock, startMs } = options;
  const target = parseRtmpTarget(url);
  if (target === undefined || target.isSecure) {
    delegate.closed({ outcome: 'unsupported', why: 'expected rtmp://HOST[:PORT]/APP/NAME' });
    return { close: () => undefined };
  }
  let isOver = false;
  let isConnected = false;
  const finish = (failure?: PullFailure): void => {
    if (isOver) return;
    isOver = true;
    session.close();
    if (!socket.destroyed) {
      socket.end();
      const linger = clock.after(lingerMs, () => socket.destroy());
      socket.once('close', () => linger.cancel());
    }
    if (failure !== undefined) delegate.closed(failure);
  };
  const socket = connect({ host: target.host, port: target.port, noDelay: true, keepAlive: true });
  const session = new RtmpClientSession({
    clock,
    target,
    startMs,
    action: 'play',
    output: (bytes) => {
      if (!socket.destroyed) socket.write(bytes);
    },
    pendingBytes: () => (socket.writableLength > maxPendingBytes ? Infinity : 0),
    delegate: {
      started: () => {
        if (!isOver) delegate.started();
      },
      media: (kind, timestampMs, payload) => {
        if (!isOver) delegate.media(kind, timestampMs, payload);
      },
      closed: (reason, error) => finish({ outcome: outcomeOf(reason), why: error?.message ?? whyOf(reason) }),
    },
  });
  socket.once('connect', () => {
    isConnected = true;
    session.start();
  });
  socket.on('data', (bytes) => session.read(bytes));
  socket.on('error', (error) => {
    const outcome = isConnected ? 'ended' : 'unreachable';
    finish({ outcome, why: `the connection failed: ${error.message}` });
    socket.destroy();
  });
  socket.once('close', () => finish({ outcome: 'ended', why: 'the source closed the connection' }));
  return { close: () => finish() };
}

/** How long the farewell may take to leave. */
const lingerMs = 500;

function outcomeOf(reason: CloseReason): PullFailure['outcome'] {
  if (reason === 'denied') return 'refused';
  if (reason === 'timeout') return 'timeout';
  if (reason === 'stream_ended' || reason === 'client_closed') return 'ended';
  return reason === 'internal_error' ? 'engine' : 'protocol';
}

function whyOf(reason: CloseReason): string {
  if (reason === 'timeout') return 'the source did not begin to play in time';
  return reason === 'stream_ended' ? 'the source ended the stream' : `the session ended (${reason})`;
}
