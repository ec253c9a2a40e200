import { type ClientHttp2Session, connect } from 'node:http2';
import type { AbuseCase } from '../abuse-case.ts';
import type { Attack } from '../attack.ts';
import { elapsed } from '../raw-connection.ts';

const pullPath = '/headwater.relay.v1.Relay/Pull';
const streamsAtOnce = 10_000;
/** Within it a keepalive that is not answered ends a connection. */
const keepaliveMs = 8000;

/** Attacks on the gRPC port that edges pull from. */
export const relayCases: readonly AbuseCase[] = [
  {
    number: 54,
    title: 'noise, oversized messages and 10,000 calls on the relay port harm nobody',
    expect: { needs: ['relay'], memoryMiB: 256 },
    run: async (attack) => {
      await noise(attack);
      await calls(attack, 1, Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
      await calls(attack, 1, Buffer.concat([Buffer.from([0, 2, 0, 0, 0]), Buffer.alloc(32 * 1024 * 1024)]));
      await calls(attack, 1, Buffer.concat([Buffer.from([0, 0, 0, 0, 4]), Buffer.from('ffffffff', 'hex')]));
      await calls(attack, 1, Buffer.concat([Buffer.from([1, 0, 0, 0, 4]), Buffer.from('not-gzip')]));
      await calls(attack, streamsAtOnce, Buffer.from([0, 0, 0, 0, 0]));
    },
  },
];

async function noise(attack: Attack): Promise<void> {
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  const openings: Readonly<Record<string, Buffer>> = {
    'HTTP/1.1': Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
    noise: Buffer.alloc(64, 0xff),
    'noise after the preface': Buffer.concat([Buffer.from(preface), Buffer.alloc(64, 0xff)]),
    'a frame of 16 MB': Buffer.concat([Buffer.from(preface), Buffer.from('ffffff040000000000', 'hex')]),
  };
  await attack.each(Object.entries(openings), async ([what, bytes]) => {
    const connection = await attack.open(attack.target.relay);
    await connection.send(bytes);
    await attack.checkClosed(connection, keepaliveMs, `${what} on the relay port`);
  });
}

/** Opens calls on one connection, sends each the bytes, and cancels what the server did not end. */
async function calls(attack: Attack, count: number, body: Buffer): Promise<void> {
  const { host, port } = attack.target.relay ?? { host: '', port: 0 };
  const session: ClientHttp2Session = connect(`http://${host}:${port}`);
  session.on('error', () => undefined);
  const headers = {
    ':method': 'POST',
    ':path': pullPath,
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  for (let opened = 0; opened < count && !session.destroyed; opened += 1) {
    const call = session.request(headers).on('error', () => undefined);
    call.resume();
    call.end(body);
    if (opened % 500 === 0) await elapsed(5);
  }
  await elapsed(1000);
  session.destroy();
}
