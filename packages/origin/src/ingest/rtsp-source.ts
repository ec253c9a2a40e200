// An RTSP source, fetched by the engine in a process of its own. There are answers that make the engine loop and allocate
// without end, which no handler of exceptions can stop, and a thread that runs out of its heap takes the whole process
// along. Here that ends one child, and the attempt with it.
import { fork, type ChildProcess } from 'node:child_process';
import type { Clock } from '@headwater/contracts';
import type { PullFailure, PullSource, PullSourceDelegate } from './pull-source.ts';
import type { RtspProcessMessage, RtspProcessOrder } from './rtsp-process-messages.ts';

/** What an RTSP source needs. */
export interface RtspSourceOptions {
  readonly url: string;
  readonly delegate: PullSourceDelegate;
  readonly clock: Clock;
  /** The compiled program of the process. */
  readonly program: URL;
}

/** The compiled program beside the compiled form of this file. */
export const rtspProgram: URL = new URL('./rtsp-process.js', import.meta.url);

/** The engine needs some 10 MiB; buffers outside of the heap are limited by the adapter. */
const execArgv = ['--max-old-space-size=64', '--stack-size=900'];
/** How long the farewell to the source may take. */
const lingerMs = 500;
const acknowledgeBytes = 256 * 1024;

/** Starts the process. */
export function openRtspSource(options: RtspSourceOptions): PullSource {
  try {
    return new RtspSource(options);
  } catch (caught) {
    options.delegate.closed({ outcome: 'engine', why: `no process for the engine: ${String(caught)}` });
    return { close: () => undefined };
  }
}

class RtspSource implements PullSource {
  readonly #delegate: PullSourceDelegate;
  readonly #clock: Clock;
  readonly #child: ChildProcess;
  #isOver = false;
  #untoldBytes = 0;

  constructor({ url, delegate, clock, program }: RtspSourceOptions) {
    this.#delegate = delegate;
    this.#clock = clock;
    // Nothing that the engine prints is for the log. The URL goes over the channel: arguments are for everybody to see.
    this.#child = fork(program, [], {
      execArgv,
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'advanced',
    });
    this.#child.on('message', (message) => this.#hear(message as RtspProcessMessage));
    this.#child.on('error', (error) => {
      this.#finish({ outcome: 'engine', why: `the engine failed: ${error.message}` });
    });
    this.#child.once('exit', (code, signal) => {
      this.#finish({ outcome: 'engine', why: `the engine ended (${signal ?? `exit code ${String(code)}`})` });
    });
    // The process ends with this one, and keeps it from nothing.
    this.#child.unref();
    this.#child.channel?.unref();
    this.#order({ type: 'open', url });
  }

  close(): void {
    this.#finish();
  }

  #hear(message: RtspProcessMessage): void {
    if (this.#isOver) return;
    switch (message.type) {
      case 'started':
        this.#delegate.started();
        break;
      case 'media': {
        const { kind, timestampMs, payload } = message;
        this.#taken(payload.byteLength);
        // Into a buffer of its own: the message is a part of what was read from the channel.
        this.#delegate.media(kind, timestampMs, Buffer.from(new Uint8Array(payload).buffer));
        break;
      }
      case 'dropped':
        this.#delegate.dropped(message.frames);
        break;
      case 'failed':
        this.#finish({ outcome: message.outcome, why: message.why });
        break;
    }
  }

  #taken(bytes: number): void {
    this.#untoldBytes += bytes;
    if (this.#untoldBytes < acknowledgeBytes) return;
    this.#order({ type: 'taken', bytes: this.#untoldBytes });
    this.#untoldBytes = 0;
  }

  #finish(failure?: PullFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#order({ type: 'close' });
    if (this.#isAlive) {
      const linger = this.#clock.after(lingerMs, () => this.#child.kill('SIGKILL'));
      this.#child.once('exit', () => linger.cancel());
    }
    if (failure !== undefined) this.#delegate.closed(failure);
  }

  get #isAlive(): boolean {
    const { exitCode, signalCode } = this.#child;
    return exitCode === null && signalCode === null;
  }

  #order(order: RtspProcessOrder): void {
    // A child that is gone says so by its exit.
    if (this.#child.connected) this.#child.send(order, () => undefined);
  }
}
