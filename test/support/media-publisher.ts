// A publisher over a real socket that sends the frames it is given: faster than any encoder, in every codec, and with all
// the bad manners a test asks for.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { FlvTag } from '@headwater/media';
import { realClock } from '@headwater/relay/testing';
import { parseRtmpTarget, RtmpClientSession, type RtmpTarget } from '@headwater/rtmp';
import { defer } from './cleanup.ts';
import { waitUntil } from './wait-until.ts';

/** What of a frame goes over the wire. */
export type SentFrame = Pick<FlvTag, 'kind' | 'timestampMs' | 'payload'>;

const maxQueuedBytes = 256 * 1024;

/** The address and stream that an RTMP URL names. Throws when it names none. */
export function rtmpTargetOf(url: string): RtmpTarget {
  const target = parseRtmpTarget(url);
  if (target === undefined) throw new Error(`${url} names no stream`);
  return target;
}

/** One publisher. It ends with the test at the latest. */
export class MediaPublisher {
  /** Codes of every status the server sent. */
  readonly statuses: string[] = [];
  readonly #socket: Socket;
  readonly #session: RtmpClientSession;
  #isStarted = false;
  #isClosed = false;

  private constructor(url: string, from?: string) {
    const target = rtmpTargetOf(url);
    const socket = connect({ host: target.host, port: target.port, localAddress: from, noDelay: true });
    this.#socket = socket;
    this.#session = new RtmpClientSession({
      clock: realClock,
      action: 'publish',
      target,
      output: (bytes) => {
        if (!socket.destroyed) socket.write(bytes);
      },
      delegate: {
        started: () => (this.#isStarted = true),
        status: ({ code }) => this.statuses.push(code),
        closed: () => {
          this.#isClosed = true;
          socket.end();
        },
      },
    });
    socket.on('connect', () => this.#session.start());
    socket.on('data', (bytes: Buffer) => this.#session.read(bytes));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#session.transportClosed());
    defer(() => this.vanish());
  }

  /**
   * Connects, from a given address where it is told one, and resolves once the server has said yes; rejects with its answer
   * when it says no.
   */
  static async start(url: string, from?: string): Promise<MediaPublisher> {
    const publisher = await MediaPublisher.ask(url, from);
    if (!publisher.isStarted) throw new Error(`publishing was refused: ${publisher.statuses.join()}`);
    return publisher;
  }

  /** Connects and resolves once the server has answered, whatever it says. */
  static async ask(url: string, from?: string): Promise<MediaPublisher> {
    const publisher = new MediaPublisher(url, from);
    await waitUntil('the server answers the publisher', () => publisher.#isStarted || publisher.#isClosed);
    return publisher;
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** True once the server has ended it, or it has ended itself. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends frames as fast as the server takes them. */
  async send(frames: readonly SentFrame[]): Promise<void> {
    for (const { kind, timestampMs, payload } of frames) {
      this.#session.sendMedia(kind, timestampMs, payload);
      if (this.#socket.writableLength < maxQueuedBytes || this.#socket.destroyed) continue;
      await Promise.race([once(this.#socket, 'drain'), once(this.#socket, 'close')]);
    }
  }

  /** Sends frames as their times fall due; resolves after the last, or when the server has closed the connection. */
  async sendInRealTime(frames: readonly SentFrame[]): Promise<void> {
    const startMs = performance.now() - (frames[0]?.timestampMs ?? 0);
    for (const frame of frames) {
      const waitMs = startMs + frame.timestampMs - performance.now();
      if (waitMs > 0) await delay(waitMs);
      if (this.#isClosed) return;
      await this.send([frame]);
    }
  }

  /** Ends the stream as encoders do when they are stopped. */
  unpublish(): void {
    this.#session.close();
  }

  /** Breaks the connection without a word. */
  vanish(): void {
    this.#socket.resetAndDestroy();
  }
}
