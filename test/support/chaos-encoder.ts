// A publisher as encoders are: it sends on its own clock, comes back through the next address after an outage, and, where
// it announced that it can, moves to a new connection when it is asked to. Every frame says which session it is of.
import { setTimeout as delay } from 'node:timers/promises';
import { EncoderConnection } from './chaos-encoder-connection.ts';
import { defer } from './cleanup.ts';
import { waitUntil } from './wait-until.ts';

/** What an encoder is started with. */
export interface ChaosEncoderOptions {
  /** `app/name`, with parameters where needed. */
  readonly stream: string;
  /** Where it may publish, `host:port`: tried one after the other, beginning with the first. */
  readonly addresses: readonly string[];
  /** Bits of `capsEx`; 1 is the reconnect request. Left out: an encoder of old. */
  readonly capsEx?: number;
  /** The number of its first session; 0 unless told. Encoders of one stream need numbers that lie apart. */
  readonly firstSession?: number;
}

/** One publish session. */
export interface EncoderSession {
  readonly address: string;
  readonly startedAtMs: number;
  /** From when the encoder wanted it until it was accepted. */
  readonly waitedMs: number;
  /** Why it ended; undefined while it goes on. */
  end: string | undefined;
}

const tickMs = 10;
const retryMs = 150;

/** A running encoder. It ends with the test at the latest. */
export class ChaosEncoder {
  /** Every session that was accepted, in order; a session's place is its number. */
  readonly sessions: EncoderSession[] = [];
  /** What servers said to attempts that came to nothing. */
  readonly refusals: string[] = [];
  readonly #options: ChaosEncoderOptions;
  readonly #connections = new Set<EncoderConnection>();
  readonly #ticker: NodeJS.Timeout;
  #current: EncoderConnection | undefined;
  #nextAddress = 0;
  #reconnectRequests = 0;
  #isStopped = false;

  private constructor(options: ChaosEncoderOptions) {
    this.#options = options;
    this.#ticker = setInterval(() => {
      for (const connection of this.#connections) connection.tick();
    }, tickMs);
    defer(() => this.vanish());
  }

  /** Begins to publish; resolves once it was accepted. */
  static async start(options: ChaosEncoderOptions): Promise<ChaosEncoder> {
    const encoder = new ChaosEncoder(options);
    void encoder.#open();
    await encoder.untilSession(0);
    return encoder;
  }

  /** Asks once whether it may publish; resolves with the answer, and goes on when it is yes. */
  static async ask(options: ChaosEncoderOptions): Promise<ChaosEncoder> {
    const encoder = new ChaosEncoder(options);
    await encoder.#attempt(performance.now());
    return encoder;
  }

  /** How often a server has asked it to come back on a new connection. */
  get reconnectRequests(): number {
    return this.#reconnectRequests;
  }

  /** Resolves when that session was accepted. */
  async untilSession(number: number, timeoutMs = 20_000): Promise<EncoderSession> {
    const accepted = waitUntil(`session ${String(number)} is accepted`, () => this.sessions[number], {
      timeoutMs,
    });
    return accepted.catch((cause: unknown) => {
      throw new Error(`refused so far: ${this.refusals.join() || 'nothing'}`, { cause });
    });
  }

  /**
   * Gives its server up as if its network had changed: it comes back through the next address, while the old connection
   * stays open and goes on sending, as half-open connections do.
   */
  abandonServer(): void {
    this.#current = undefined;
    void this.#open();
  }

  /** Ends the stream as encoders do when they are stopped. */
  stop(): void {
    this.#end((connection) => connection.unpublish());
  }

  /** Breaks its connections without a word, and does not come back. */
  vanish(): void {
    this.#end((connection) => connection.destroy());
  }

  #end(leave: (connection: EncoderConnection) => void): void {
    this.#isStopped = true;
    clearInterval(this.#ticker);
    for (const connection of [...this.#connections]) leave(connection);
  }

  async #open(): Promise<void> {
    const wantedAtMs = performance.now();
    while (!this.#isStopped && this.#current === undefined) {
      if (await this.#attempt(wantedAtMs)) return;
      await delay(retryMs);
    }
  }

  async #attempt(wantedAtMs: number): Promise<boolean> {
    const { addresses, stream, capsEx, firstSession = 0 } = this.#options;
    const address = addresses[this.#nextAddress++ % addresses.length] ?? '';
    const replaced = this.#current;
    const connection = new EncoderConnection(`rtmp://${address}/${stream}`, capsEx);
    this.#connections.add(connection);
    connection.onReconnectRequest = () => this.#move(connection);
    const isAccepted = await connection.answered;
    if (!isAccepted || this.#isStopped) {
      this.#connections.delete(connection);
      this.refusals.push(connection.end ?? 'stopped');
      connection.destroy();
      return false;
    }
    const nowMs = performance.now();
    const session = { address, startedAtMs: nowMs, waitedMs: nowMs - wantedAtMs, end: undefined };
    this.sessions.push(session);
    this.#current = connection;
    connection.begin(firstSession + this.sessions.length - 1);
    replaced?.unpublish();
    void this.#watch(connection, session);
    return true;
  }

  // A server that cannot take it is passed over; until one accepts, the old connection goes on.
  #move(connection: EncoderConnection): void {
    this.#reconnectRequests++;
    if (this.#current !== connection) return;
    const wantedAtMs = performance.now();
    const tryOn = async (): Promise<void> => {
      while (!this.#isStopped && this.#current === connection) {
        if (await this.#attempt(wantedAtMs)) return;
        await delay(retryMs);
      }
    };
    void tryOn();
  }

  async #watch(connection: EncoderConnection, session: EncoderSession): Promise<void> {
    session.end = await connection.closed;
    this.#connections.delete(connection);
    if (this.#current !== connection) return;
    this.#current = undefined;
    if (!this.#isStopped) await this.#open();
  }
}
