import { audioSequenceHeader, videoSequenceHeader } from '../support/good-stream-frames.ts';
import { type Address, elapsed, type OpenOptions, RawConnection } from './raw-connection.ts';
import { messageType } from './rtmp-bytes.ts';
import { RtmpPeer } from './rtmp-peer.ts';
import type { Target } from './server.ts';

/** Attackers come from another loopback address than the good stream. */
const localAddress = '127.0.0.66';

/** Name of the stream that is published and watched beside every attack. */
export const goodStreamName = 'good';

/** Closing "at once": a read, its handling and the FIN on a busy machine. */
export const atOnceMs = 2000;

/** What a case has in hand. Every connection opened here is destroyed after the case. */
export class Attack {
  readonly target: Target;
  readonly failures: string[] = [];
  readonly #connections = new Set<RawConnection>();

  constructor(target: Target) {
    this.target = target;
  }

  /** Notes a failure unless the condition holds. */
  check(isFine: boolean, failure: string): void {
    if (!isFine && !this.failures.includes(failure)) this.failures.push(failure);
  }

  /** Notes a failure unless the server closes the connection within the bound. */
  async checkClosed(connection: RawConnection, withinMs: number, what: string): Promise<void> {
    this.check(await connection.closedWithin(withinMs), `${what}: not closed within ${withinMs} ms`);
  }

  /** Opens a TCP connection, to the RTMP port unless told otherwise. */
  async open(address: Address = this.target.rtmp, options: OpenOptions = {}): Promise<RawConnection> {
    const connection = await RawConnection.open(address, { localAddress, ...options });
    this.#connections.add(connection);
    return connection;
  }

  /** An RTMP client that has shaken hands. */
  async shake(): Promise<RtmpPeer> {
    const peer = await RtmpPeer.open(this.target.rtmp, { localAddress });
    this.#connections.add(peer.connection);
    return peer;
  }

  /** An RTMP client whose connect was answered. */
  async connected(): Promise<RtmpPeer> {
    const peer = await this.shake();
    if (!(await peer.connect(this.target.app))) throw new Error('an ordinary connect was not answered');
    return peer;
  }

  /** An RTMP client that publishes the name and has sent good sequence headers, so that its frames are relayed. */
  async publisher(name: string): Promise<RtmpPeer> {
    const peer = await this.shake();
    if (!(await peer.publish(this.target.app, name))) throw new Error(`publishing ${name} was not answered`);
    await peer.send({ type: messageType.video, msid: 1, payload: videoSequenceHeader });
    await peer.send({ type: messageType.audio, msid: 1, payload: audioSequenceHeader });
    return peer;
  }

  /** An RTMP client that plays the name. */
  async viewer(name: string): Promise<RtmpPeer> {
    const peer = await this.shake();
    if (!(await peer.play(this.target.app, name))) throw new Error(`playing ${name} was not answered`);
    return peer;
  }

  /** Runs one attack for each input, a few at a time; what breaks a connection of ours is no failure of the server. */
  async each<Input>(
    inputs: Iterable<Input>,
    run: (input: Input) => Promise<void>,
    atOnce = 10,
  ): Promise<void> {
    const queue = [...inputs];
    const work = async (): Promise<void> => {
      for (let input = queue.shift(); input !== undefined; input = queue.shift()) {
        await run(input).catch(() => undefined);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  }

  /** Notes a failure unless each name can be published by somebody else within the bound. */
  async checkNamesFree(names: readonly string[], withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (const name of names) {
      let isFree = false;
      while (!isFree && performance.now() < deadline) {
        const peer = await this.shake();
        isFree = await peer.publish(this.target.app, name);
        peer.connection.reset();
        if (!isFree) await elapsed(250);
      }
      this.check(isFree, `the name ${name} was not free within ${withinMs} ms`);
    }
  }

  /** Destroys every connection that is still open. */
  cleanUp(): void {
    for (const connection of this.#connections) connection.destroy();
    this.#connections.clear();
  }
}
