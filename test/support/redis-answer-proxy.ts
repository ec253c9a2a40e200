// A way to Redis on which a test can have every command answered with an error, or with nothing.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { defer } from './cleanup.ts';

/** Forwards a loopback port to a Redis. Ends with the test. */
export class RedisAnswerProxy {
  readonly port: number;
  #answer: string | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(redisPort: number): Promise<RedisAnswerProxy> {
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true }, (client) => {
      const redis = connect({ port: redisPort, host: '127.0.0.1', noDelay: true });
      const commands = new CommandCounter();
      client.on('data', (bytes: Buffer) => {
        const complete = commands.count(bytes);
        if (proxy.#answer === undefined) redis.write(bytes);
        else if (proxy.#answer !== '') client.write(`-${proxy.#answer}\r\n`.repeat(complete));
      });
      redis.on('data', (bytes: Buffer) => client.write(bytes));
      for (const [one, other] of [
        [client, redis],
        [redis, client],
      ] as const) {
        sockets.add(one);
        one.on('error', () => one.destroy());
        one.on('close', () => {
          sockets.delete(one);
          other.destroy();
        });
      }
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
