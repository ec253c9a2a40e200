// A TCP way between two processes that a test can break in the ways networks break: cut, stalled, silent, refused.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { defer } from './cleanup.ts';

/**
 * `pass`: all is well. `hold`: bytes wait, none is lost, as behind a stalled router. `silent`: connections stay and new
 * ones open, but nothing comes through, as behind a partition. `refuse`: connections are reset, new ones as well.
 */
export type FaultMode = 'pass' | 'hold' | 'silent' | 'refuse';

/** Forwards a loopback port to another one. Ends with the test. */
export class FaultProxy {
  readonly #links = new Set<Link>();
  readonly #server: Server;
  #mode: FaultMode = 'pass';

  private constructor(targetPort: number) {
    this.#server = createServer({ noDelay: true }, (client) => {
      if (this.#mode === 'refuse') {
        client.resetAndDestroy();
        return;
      }
      const link: Link = new Link(
        client,
        connect({ port: targetPort, host: '127.0.0.1', noDelay: true }),
        () => this.#links.delete(link),
      );
      this.#links.add(link);
      link.enter(this.#mode);
    });
  }

  static async start(targetPort: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    defer(() => {
      proxy.set('refuse');
      proxy.#server.close();
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The connections there are now. */
  get links(): ReadonlySet<object> {
    return new Set(this.#links);
  }

  /**
   * Goes over to another mode, with all connections there are but the `spared` ones. Those that have lost bytes are reset
   * by `pass`.
   */
  set(mode: FaultMode, spared: ReadonlySet<object> = new Set()): void {
    this.#mode = mode;
    for (const link of [...this.#links]) if (!spared.has(link)) link.enter(mode);
  }

  /** Resets the connections there are; new ones fare as before. Says how many there were. */
  cut(): number {
    const count = this.#links.size;
    for (const link of [...this.#links]) link.reset();
    return count;
  }
}

class Link {
  readonly #sockets: readonly [Socket, Socket];
  readonly #closed: () => void;
  #mode: FaultMode = 'pass';
  #hasLostBytes = false;

  constructor(client: Socket, target: Socket, closed: () => void) {
    this.#sockets = [client, target];
    this.#closed = closed;
    this.#forward(client, target);
    this.#forward(target, client);
  }

  enter(mode: FaultMode): void {
    this.#mode = mode;
    if (mode === 'refuse' || (mode === 'pass' && this.#hasLostBytes)) {
      this.reset();
      return;
    }
    for (const socket of this.#sockets) {
      if (mode === 'hold') socket.pause();
      else socket.resume();
    }
  }

  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#closed();
  }

  #forward(from: Socket, to: Socket): void {
    from.on('data', (bytes: Buffer) => {
      if (this.#mode === 'silent') {
        this.#hasLostBytes = true;
        return;
      }
      if (to.destroyed || to.write(bytes)) return;
      from.pause();
      to.once('drain', () => {
        if (this.#mode !== 'hold') from.resume();
      });
    });
    from.on('error', () => from.destroy());
    from.on('end', () => {
      if (this.#mode !== 'silent') to.end();
    });
    from.on('close', () => {
      // Across a partition nobody hears of the other side's end.
      if (this.#mode === 'silent') {
        this.#hasLostBytes = true;
        return;
      }
      to.destroy();
      this.#closed();
    });
  }
}
