// An RTSP source, fetched by the engine in a thread of its own with a heap of its own: there are answers that make the
// engine loop and allocate without end, which no handler of exceptions can stop. Here that ends the thread, and the
// attempt with it.
import { Worker } from 'node:worker_threads';
import type { Clock } from '@headwater/contracts';
import type { PullFailure, PullSource, PullSourceDelegate } from './pull-source.ts';
import type { RtspWorkerData, RtspWorkerMessage, RtspWorkerOrder } from './rtsp-worker-messages.ts';

/** What an RTSP source needs. */
export interface RtspSourceOptions {
  readonly url: string;
  readonly delegate: PullSourceDelegate;
  readonly clock: Clock;
  readonly workerFile: URL;
}

/** The compiled worker beside the compiled form of this file. */
export const rtspWorkerFile: URL = new URL('./rtsp-worker.js', import.meta.url);

/** The engine needs some 10 MiB; buffers outside of the heap are limited by the adapter. */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, stackSizeMb: 2 };
/** How long the farewell to the source may take. */
const lingerMs = 500;
const acknowledgeBytes = 256 * 1024;

/** Starts the thread. */
export function openRtspSource(options: RtspSourceOptions): PullSource {
  try {
    return new RtspSource(options);
  } catch (caught) {
    options.delegate.closed({ outcome: 'engine', why: `no thread for the engine: ${String(caught)}` });
    return { close: () => undefined };
  }
}

class RtspSource implements PullSource {
  readonly #delegate: PullSourceDelegate;
  readonly #clock: Clock;
  readonly #worker: Worker;
  #isOver = false;
  #untoldBytes = 0;

  constructor({ url, delegate, clock, workerFile }: RtspSourceOptions) {
    this.#delegate = delegate;
    this.#clock = clock;
    const workerData: RtspWorkerData = { url };
    this.#worker = new Worker(workerFile, {
      workerData,
      resourceLimits,
      name: 'rtsp-source',
      env: {},
      execArgv: [],
      stdout: true,
      stderr: true,
    });
    // Nothing that the engine prints is for the log, and the thread keeps no process alive.
    this.#worker.stdout.resume();
    this.#worker.stderr.resume();
    this.#worker.unref();
    this.#worker.on('message', (message: RtspWorkerMessage) => this.#hear(message));
    this.#worker.on('error', (error) => {
      this.#finish({ outcome: 'engine', why: `the engine failed: ${error.message}` });
    });
    this.#worker.on('messageerror', () => {
      this.#finish({ outcome: 'engine', why: 'the engine said what cannot be read' });
    });
    this.#worker.on('exit', () => this.#finish({ outcome: 'engine', why: 'the engine ended' }));
  }

  close(): void {
    this.#finish();
  }

  #hear(message: RtspWorkerMessage): void {
    if (this.#isOver) return;
    switch (message.type) {
      case 'started':
        this.#delegate.started();
        break;
      case 'media':
        this.#taken(message.payload.byteLength);
        this.#delegate.media(message.kind, message.timestampMs, Buffer.from(message.payload));
        break;
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
    const end = (): void => void this.#worker.terminate().catch(() => undefined);
    const linger = this.#clock.after(lingerMs, end);
    this.#worker.once('exit', () => linger.cancel());
    if (failure !== undefined) this.#delegate.closed(failure);
  }

  #order(order: RtspWorkerOrder): void {
    this.#worker.postMessage(order);
  }
}
