import net, { type Socket } from 'node:net';
import { encodeMedia, RtmpDialogue, type DialogueGoal } from '../load/rtmp-dialogue.ts';
import { openingMessages, SyntheticStream, type StreamRate } from '../load/synthetic-stream.ts';

const silentListener = { messageBegan: () => undefined, messageEnded: () => undefined };

/** Where a publisher tells what becomes of it. */
export interface PublisherEvents {
  started(): void;
  failed(reason: string): void;
}

/** One of very many publishers. Each message is a write of its own, as encoders do it; whoever owns it gives the time. */
export class Publisher {
  readonly #socket: Socket;
  readonly #stream: SyntheticStream;
  #messageStreamId: number | undefined;
  #startedUs = 0;
  #bytes = 0;
  #messages = 0;

  constructor(goal: DialogueGoal, rate: StreamRate, events: PublisherEvents) {
    this.#stream = new SyntheticStream(rate);
    this.#socket = net.connect({ host: goal.host, port: goal.port, noDelay: true });
    const started = (messageStreamId: number): void => {
      for (const message of openingMessages()) this.#socket.write(encodeMedia(messageStreamId, message));
      this.#messageStreamId = messageStreamId;
      events.started();
    };
    const refused = (code: string): void => {
      events.failed(code);
    };
    const write = (bytes: Buffer): void => void this.#socket.write(bytes);
    const dialogue = new RtmpDialogue(goal, { write, started, refused }, silentListener);
    this.#socket.on('connect', () => {
      dialogue.open();
    });
    this.#socket.on('data', (bytes) => {
      dialogue.read(bytes, bytes.length);
    });
    this.#socket.on('error', (error) => {
      events.failed(error.message);
    });
    this.#socket.on('close', () => {
      this.#messageStreamId = undefined;
      events.failed('closed by the server');
    });
  }

  /** Media bytes sent so far, chunk headers included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Media messages sent so far. */
  get messages(): number {
    return this.#messages;
  }

  /** What the kernel has not taken. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  /** Sends what is due at that time; returns by how many microseconds the latest of it is late. */
  sendDue(nowUs: number): number {
    const messageStreamId = this.#messageStreamId;
    if (messageStreamId === undefined) return 0;
    if (this.#startedUs === 0) this.#startedUs = nowUs;
    const lateUs = nowUs - this.#startedUs - this.#stream.dueMs * 1000;
    while (this.#stream.dueMs * 1000 <= nowUs - this.#startedUs) {
      const bytes = encodeMedia(messageStreamId, this.#stream.next(nowUs));
      this.#bytes += bytes.length;
      this.#messages += 1;
      this.#socket.write(bytes);
    }
    return Math.max(0, lateUs);
  }
}
