// One of very many publishers: a few small frames, and back at once through the next origin when its connection is lost.
import { connect, type Socket } from 'node:net';
import { parseRtmpTarget, RtmpClientSession } from '@headwater/rtmp';
import { realClock } from '../../support/real-clock.ts';

/** From one frame to the next; each is a keyframe. */
export const crowdFramePeriodMs = 500;

const retryMs = 150;
const answerMs = 12_000;
const header = Buffer.from(
  '17000000000142c01effe1001c6742c01ed900a02ff97016a02020280000030008000003019078b17501000468ce3c80',
  'hex',
);
const keyframe = Buffer.concat([Buffer.from([0x17, 1, 0, 0, 0, 0, 0, 0, 60, 0x65]), Buffer.alloc(59, 0x55)]);

/** What publishers tell. */
export interface CrowdPublisherEvents {
  /** It publishes; `awayMs` since it lost its last origin, undefined the first time. */
  started(awayMs: number | undefined): void;
  stopped(): void;
  refused(why: string): void;
}

/** Publishes one stream for as long as the process lives. */
export class CrowdPublisher {
  readonly #stream: string;
  /** In the order in which it tries them. */
  readonly #origins: readonly string[];
  readonly #events: CrowdPublisherEvents;
  #attempts = 0;
  #session: RtmpClientSession | undefined;
  #beganAtMs = 0;
  #lostAtMs: number | undefined;

  constructor(stream: string, index: number, origins: readonly string[], events: CrowdPublisherEvents) {
    this.#stream = stream;
    this.#origins = orderFor(index, origins);
    this.#events = events;
    this.#open();
  }

  /** Sends the frame that is due, while it publishes. */
  tick(): void {
    this.#session?.sendMedia('video', Math.round(performance.now() - this.#beganAtMs), keyframe);
  }

  #open(): void {
    const address = this.#origins[this.#attempts++ % this.#origins.length] ?? '';
    const target = parseRtmpTarget(`rtmp://${address}/${this.#stream}`);
    if (target === undefined) throw new Error(`${address} is no address`);
    const socket = connect({ host: target.host, port: target.port, noDelay: true });
    let isConnected = false;
    let said = '';
    const session = new RtmpClientSession({
      clock: realClock,
      action: 'publish',
      target,
      startMs: answerMs,
      output: (bytes) => {
        if (!socket.destroyed) socket.write(bytes);
      },
      delegate: {
        started: () => {
          this.#started(session);
        },
        status: ({ code, description }) => {
          said = `${code} ${description.replaceAll(this.#stream, '')}`;
        },
        closed: (reason) => {
          this.#closed(session, socket, said === '' ? reason : said);
        },
      },
    });
    socket.on('connect', () => {
      isConnected = true;
      session.start();
    });
    socket.on('data', (bytes: Buffer) => {
      session.read(bytes);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (isConnected) session.transportClosed();
      // Nobody listens: a load balancer would have tried the next one as quickly.
      else setImmediate(() => this.#open());
    });
  }

  #started(session: RtmpClientSession): void {
    this.#session = session;
    this.#beganAtMs = performance.now();
    session.sendMedia('video', 0, header);
    this.tick();
    this.#events.started(this.#lostAtMs === undefined ? undefined : this.#beganAtMs - this.#lostAtMs);
  }

  #closed(session: RtmpClientSession, socket: Socket, why: string): void {
    socket.destroy();
    if (this.#session === session) {
      this.#session = undefined;
      this.#lostAtMs = performance.now();
      this.#events.stopped();
      this.#open();
      return;
    }
    this.#events.refused(why);
    setTimeout(() => this.#open(), retryMs);
  }
}

/** Evenly spread, also those of one origin over the others: as a load balancer does it. */
function orderFor(index: number, origins: readonly string[]): readonly string[] {
  const home = index % origins.length;
  const others = [...origins.slice(home + 1), ...origins.slice(0, home)];
  const turn = Math.floor(index / origins.length) % Math.max(1, others.length);
  return [...origins.slice(home, home + 1), ...others.slice(turn), ...others.slice(0, turn)];
}
