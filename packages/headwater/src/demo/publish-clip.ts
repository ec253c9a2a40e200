import { connect } from 'node:net';
import { RtmpClientSession, type RtmpTarget } from '@headwater/rtmp';
import { exitCode } from '../exit-code.ts';
import { CliError } from '../cli/failure.ts';
import { SystemClock } from '../system-clock.ts';
import { ClipPublisher, type SessionEnd } from './clip-publisher.ts';
import { readDemoClip } from './demo-clip.ts';

/** How long the last words may take to leave. */
const flushMs = 1000;

/** Publishes the built-in clip until `signal` aborts; rejects with `CliError` when the server ends it. */
export async function publishClip(
  target: RtmpTarget,
  options: { readonly signal: AbortSignal; readonly started: () => void },
): Promise<void> {
  const clock = new SystemClock();
  const socket = connect({ host: target.host, port: target.port, noDelay: true });
  const end = await new Promise<SessionEnd>((resolve) => {
    const session = new RtmpClientSession({
      clock,
      target,
      action: 'publish',
      output: (bytes) => void socket.write(bytes),
      pendingBytes: () => socket.writableLength,
      delegate: {
        started: () => {
          publisher.start();
          options.started();
        },
        closed: (reason, error) => {
          publisher.stop();
          socket.end();
          clock.after(flushMs, () => socket.destroy());
          resolve(error === undefined ? { reason } : { reason, error });
        },
      },
    });
    const publisher = new ClipPublisher(readDemoClip(), clock, session);
    socket.on('connect', () => session.start());
    socket.on('data', (bytes) => session.read(bytes));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => session.transportClosed());
    options.signal.addEventListener('abort', () => session.close(), { once: true });
  });
  if (options.signal.aborted) return;
  const why = end.error?.message ?? end.reason;
  throw new CliError(exitCode.fault, `the server ended the publisher: ${why}`);
}
