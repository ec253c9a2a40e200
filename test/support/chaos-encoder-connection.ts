// One connection of an encoder: it publishes one session, frame by frame as they fall due.
import { connect, type Socket } from 'node:net';
import { realClock } from '@headwater/relay/testing';
import { RtmpClientSession } from '@headwater/rtmp';
import { numberOf } from './chaos-frames.ts';
import {
  audioFrame,
  audioSequenceHeader,
  framePeriodMs,
  videoFrame,
  videoSequenceHeader,
} from './good-stream-frames.ts';
import { rtmpTargetOf } from './media-publisher.ts';

// A server that says nothing for this long is given up.
const answerMs = 12_000;

/** A connection that wants to publish. */
export class EncoderConnection {
  /** True when the server has said yes, false when it has said no or nothing. */
  readonly answered: Promise<boolean>;
  /** Settles with the reason when it is over. */
  readonly closed: Promise<string>;
  /** Called when the server asks it to come back on a new connection. */
  onReconnectRequest: () => void = () => undefined;
  /** Why it is over, or undefined. */
  end: string | undefined;
  readonly #socket: Socket;
  readonly #session: RtmpClientSession;
  #lastStatus = '';
  #number = -1;
  #beganAtMs = 0;
  #sent = 0;

  constructor(url: string, capsEx: number | undefined) {
    const target = rtmpTargetOf(url);
    const socket = connect({ host: target.host, port: target.port, noDelay: true });
    this.#socket = socket;
    let answer: (isAccepted: boolean) => void = () => undefined;
    let close: (end: string) => void = () => undefined;
    this.answered = new Promise((resolve) => (answer = resolve));
    this.closed = new Promise((resolve) => (close = resolve));
    this.#session = new RtmpClientSession({
      clock: realClock,
      action: 'publish',
      target,
      startMs: answerMs,
      ...(capsEx === undefined ? {} : { capsEx }),
      output: (bytes) => {
        if (!socket.destroyed) socket.write(bytes);
      },
      delegate: {
        started: () => answer(true),
        status: ({ code }) => (this.#lastStatus = code),
        reconnectRequested: () => this.onReconnectRequest(),
        closed: (reason) => {
          this.end =
            this.#lastStatus.includes('Start') || this.#lastStatus === '' ? reason : this.#lastStatus;
          answer(false);
          close(this.end);
          socket.end();
        },
      },
    });
    const deadline = setTimeout(() => socket.destroy(), answerMs);
    socket.on('connect', () => this.#session.start());
    socket.on('data', (bytes: Buffer) => this.#session.read(bytes));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#session.transportClosed());
    void this.answered.then(() => clearTimeout(deadline));
  }

  /** Begins the session of that number, with its headers and a keyframe. */
  begin(number: number): void {
    this.#number = number;
    this.#beganAtMs = performance.now();
    this.#session.sendMedia('video', 0, videoSequenceHeader);
    this.#session.sendMedia('audio', 0, audioSequenceHeader);
    this.tick();
  }

  /** Sends what is due. */
  tick(): void {
    if (this.#number < 0) return;
    const due = Math.floor((performance.now() - this.#beganAtMs) / framePeriodMs) + 1;
    for (; this.#sent < due && this.end === undefined; this.#sent++) {
      const number = numberOf(this.#number, this.#sent);
      const timestampMs = this.#sent * framePeriodMs;
      this.#session.sendMedia('video', timestampMs, videoFrame(number));
      this.#session.sendMedia('audio', timestampMs, audioFrame(number));
    }
  }

  /** Ends the stream as encoders do when they are stopped. */
  unpublish(): void {
    this.#session.close();
  }

  /** Breaks the connection without a word. */
  destroy(): void {
    this.#socket.resetAndDestroy();
  }
}
