// A way to Redis on which a test can have every command answered with an error, or with nothing, or hold one back.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { defer } from './cleanup.ts';

/** Forwards a loopback port to a Redis. Ends with the test. */
export class RedisAnswerProxy {
  readonly port: number;
  #answer: string | undefined;
  #trap: { readonly text: string; readonly sprung: () => void } | undefined;
  #held: { readonly bytes: Buffer[]; readonly redis: Socket } | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(redisPort: number): Promise<RedisAnswerProxy> {
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true }, (client) => {
      const redis = connect({ port: redisPort, host: '127.0.0.1', noDelay: true });
      for (const socket of [client, redis]) {
        sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => sockets.delete(socket));
      }
      proxy.#link(client, redis);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new RedisAnswerProxy((server.address() as AddressInfo).port);
    defer(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return proxy;
  }

  /** From now on every command gets this error; an empty one is no answer at all; undefined lets Redis answer. */
  answerWith(error: string | undefined): void {
    this.#answer = error;
  }

  /** Holds back the next bytes with that text in them, and all that follow them on their connection. Resolves when it does. */
  async holdFrom(text: string): Promise<void> {
    await new Promise<void>((sprung) => {
      this.#trap = { text, sprung };
    });
  }

  /** Sends on what was held back, even if its sender is gone. Returns what Redis answers from then on, as it grows. */
  release(): () => string {
    const held = this.#held;
    if (held === undefined) throw new Error('nothing is held back');
    this.#held = undefined;
    let answers = '';
    held.redis.on('data', (bytes: Buffer) => (answers += bytes.toString()));
    held.redis.write(Buffer.concat(held.bytes));
    return () => answers;
  }

  #link(client: Socket, redis: Socket): void {
    const commands = new CommandCounter();
    client.on('data', (bytes: Buffer) => {
      const complete = commands.count(bytes);
      if (this.#trap !== undefined && bytes.includes(this.#trap.text)) {
        this.#held = { bytes: [], redis };
        this.#trap.sprung();
        this.#trap = undefined;
      }
      if (this.#held?.redis === redis) this.#held.bytes.push(bytes);
      else if (this.#answer === undefined) redis.write(bytes);
      else if (this.#answer !== '') client.write(`-${this.#answer}\r\n`.repeat(complete));
    });
    client.on('close', () => {
      if (this.#held?.redis !== redis) redis.destroy();
    });
    redis.on('data', (bytes: Buffer) => {
      if (!client.destroyed) client.write(bytes);
    });
    redis.on('close', () => client.destroy());
  }
}

/** Counts commands, which clients send as arrays of bulk strings, however their bytes are split. */
class CommandCounter {
  #rest: Buffer = Buffer.alloc(0);
  #elements = 0;
  #skip = 0;

  count(bytes: Buffer): number {
    let data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let complete = 0;
    for (;;) {
      const skipped = Math.min(this.#skip, data.length);
      data = data.subarray(skipped);
      this.#skip -= skipped;
      const lineEnd = data.indexOf('\r\n');
      if (this.#skip > 0 || lineEnd < 0) break;
      const size = Number(data.subarray(1, lineEnd));
      if (data[0] === '*'.charCodeAt(0)) this.#elements = size;
      else {
        this.#skip = size + 2;
        if (--this.#elements === 0) complete++;
      }
      data = data.subarray(lineEnd + 2);
    }
    this.#rest = Buffer.from(data);
    return complete;
  }
}
