import { createConnection, type Socket } from 'node:net';

/** Where something listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** How a connection is opened. */
export interface OpenOptions {
  /** Source address; attackers use another one than the good stream, so that limits per address do not mix them. */
  readonly localAddress?: string;
  /** Keep the own half open when the server ends its half, as a client does that wants to hold the descriptor. */
  readonly allowHalfOpen?: boolean;
}

/**
 * A TCP connection of an attacker. Sending never throws: a server that closes on us is an expected answer.
 */
export class RawConnection {
  /** Settles when the server ended or reset the connection, or when we destroyed it. */
  readonly closed: Promise<void>;
  receivedBytes = 0;
  /** The first kilobytes received, to look for an answer's beginning. */
  head: Buffer = Buffer.alloc(0);
  onData: ((bytes: Buffer) => void) | undefined;
  #isClosed = false;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      const close = (): void => {
        this.#isClosed = true;
        resolve();
      };
      socket.once('end', close).once('close', close);
    });
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      this.receivedBytes += bytes.length;
      if (this.head.length < 4096) this.head = Buffer.concat([this.head, bytes]).subarray(0, 4096);
      this.onData?.(bytes);
    });
  }

  /** Connects; rejects when nothing listens. */
  static async open(address: Address, options: OpenOptions = {}): Promise<RawConnection> {
    const socket = createConnection({ ...address, ...options, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new RawConnection(socket);
  }

  /** True once the server has ended or reset the connection. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves true when the bytes went to the kernel, false when the connection closed first. */
  async send(bytes: Buffer): Promise<boolean> {
    if (this.#isClosed || this.#socket.destroyed) return false;
    const written = new Promise<boolean>((resolve) => {
      this.#socket.write(bytes, (error) => resolve(!error));
    });
    return Promise.race([written, this.closed.then(() => false)]);
  }

  /** Like `send`, but gives up when the server does not take the bytes in time. */
  async sendWithin(bytes: Buffer, ms: number): Promise<'sent' | 'closed' | 'stalled'> {
    const sent = this.send(bytes).then((isSent) => (isSent ? 'sent' : 'closed'));
    return Promise.race([sent, elapsed(ms).then(() => 'stalled' as const)]);
  }

  /** True when the server closes within the bound. */
  async closedWithin(ms: number): Promise<boolean> {
    return Promise.race([this.closed.then(() => true), elapsed(ms).then(() => this.#isClosed)]);
  }

  /** Stops reading: the server's bytes pile up in the kernel and then at the server. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends FIN and keeps reading. */
  end(): void {
    this.#socket.end();
  }

  /** Sends RST. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Resolves after the time given. */
export async function elapsed(ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });
}
