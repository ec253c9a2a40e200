// The beginning of a connection whose peer is trusted to say whose connection it is: its header is read off, and what came
// behind it is put back for the protocol. Such a peer has to send one: whether there is one is never guessed.
import type { Socket } from 'node:net';
import { ProtocolError, type Clock, type Counter, type Logger, type Metrics } from '@headwater/contracts';
import { noteProxiedClient } from '../client-address.ts';
import { RateLimitedLog } from '../rate-limited-log.ts';
import { ProxyHeaderReader } from './proxy-header-reader.ts';

/** What greeting proxies needs. */
export interface ProxyGreetingOptions {
  /** The name of the port, for the counter and the log. */
  readonly port: string;
  /** From the connection to the end of the header. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Why a proxy was turned away; the label of the counter. */
type HeaderFault = 'malformed' | 'late' | 'incomplete';

/** Reads the headers of proxies at one port. */
export class ProxyGreeting {
  readonly #options: ProxyGreetingOptions;
  readonly #faults: Counter;
  readonly #trouble: RateLimitedLog;
  readonly #waiting = new Set<Socket>();

  constructor(options: ProxyGreetingOptions) {
    this.#options = options;
    this.#trouble = new RateLimitedLog(options.logger, options.clock);
    this.#faults = options.metrics.counter({
      name: 'headwater_proxy_headers_refused_total',
      help: 'Connections of trusted proxies that were closed for their PROXY header, by port and fault.',
      labels: ['port', 'fault'],
    });
  }

  /**
   * Calls back once the peer has said whose connection it is; the socket is paused then, and begins with the first byte behind
   * the header. A peer that says nothing valid in time is closed, counted and reported.
   */
  greet(socket: Socket, done: (clientAddress: string) => void): void {
    const { clock, deadlineMs } = this.#options;
    const sinceMs = clock.nowMs();
    const reader = new ProxyHeaderReader();
    const read = (bytes: Buffer): void => {
      try {
        const start = reader.read(bytes);
        if (start === undefined) return;
        leave();
        socket.pause();
        if (start.rest.length > 0) socket.unshift(start.rest);
        const address = start.header.address ?? socket.remoteAddress ?? '';
        noteProxiedClient(socket, { address, sinceMs });
        done(address);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        refuse('malformed', error);
      }
    };
    const refuse = (fault: HeaderFault, err?: ProtocolError): void => {
      this.#report(socket, fault, err);
      leave();
      socket.destroy();
    };
    const ended = (): void => {
      // Somebody who only wanted to know whether the port is open.
      if (reader.state !== 'start') this.#report(socket, 'incomplete');
      leave();
      socket.destroy();
    };
    const failed = (): void => void socket.destroy();
    const timer = clock.after(deadlineMs, () => refuse('late'));
    const leave = (): void => {
      timer.cancel();
      this.#waiting.delete(socket);
      socket.off('data', read).off('end', ended).off('close', leave).off('error', failed);
    };
    this.#waiting.add(socket);
    socket.on('data', read).once('end', ended).once('close', leave).once('error', failed);
  }

  /** Cuts the connections that have not said yet whose they are. */
  close(): void {
    for (const socket of [...this.#waiting]) socket.destroy();
  }

  #report(socket: Socket, fault: HeaderFault, err?: ProtocolError): void {
    const { port } = this.#options;
    const { remoteAddress: proxy } = socket;
    this.#faults.add(1, { port, fault });
    this.#trouble.report('warn', { port, proxy, fault, err }, 'proxy header refused');
  }
}
