import type { AbuseCase } from '../abuse-case.ts';
import { type Attack, goodStreamName } from '../attack.ts';
import type { RawConnection } from '../raw-connection.ts';
import { statusOf } from './http.ts';

const final = 0x80;
const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9 } as const;

/** Frames that break RFC 6455 or the agreement that a viewer sends nothing big. */
const badFrames: Readonly<Record<string, Buffer>> = {
  'an unmasked frame': Buffer.concat([Buffer.from([final | opcode.binary, 4]), Buffer.from('data')]),
  'a reserved opcode': masked(final | 3, Buffer.from('data')),
  'a reserved bit': masked(final | 0x40 | opcode.binary, Buffer.from('data')),
  'a continuation of nothing': masked(final | opcode.continuation, Buffer.from('data')),
  'a fragmented ping': masked(opcode.ping, Buffer.from('data')),
  'a ping of 126 bytes': masked(final | opcode.ping, Buffer.alloc(126)),
  'a length of 2^63': Buffer.from([final | opcode.binary, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]),
  'a length of 2^62': Buffer.from([final | opcode.binary, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]),
  'text that is no UTF-8': masked(final | opcode.text, Buffer.from('fffefd', 'hex')),
  'a close of one byte': masked(final | opcode.close, Buffer.from([3])),
  'a close with a forbidden code': masked(final | opcode.close, Buffer.from([3, 0xed])),
  '1 MB of binary': masked(final | opcode.binary, Buffer.alloc(1024 * 1024)),
};

/** Upgrade requests that must not be answered with a stream. */
const badUpgrades: Readonly<Record<string, readonly string[]>> = {
  'no key': ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
  'version 0': ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 0', keyLine()],
  'an unknown protocol': ['Connection: Upgrade', 'Upgrade: teleport'],
};

/** Attacks on WebSocket-FLV. */
export const webSocketCases: readonly AbuseCase[] = [
  {
    number: 51,
    title: 'WebSocket frames that break the protocol close their connection',
    expect: { needs: ['http'] },
    run: async (attack) => {
      await attack.each(Object.entries(badFrames), async ([what, frame]) => {
        const connection = await upgraded(attack, `/${attack.target.app}/${goodStreamName}.flv`);
        await connection.sendWithin(frame, 2000);
        await attack.checkClosed(connection, 3000, what);
      });
      await attack.each(Object.entries(badUpgrades), async ([what, headers]) => {
        const connection = await attack.open(attack.target.http);
        const path = `/${attack.target.app}/${goodStreamName}.flv`;
        await connection.send(
          Buffer.from([`GET ${path} HTTP/1.1`, 'Host: a', ...headers, '', ''].join('\r\n')),
        );
        await connection.closedWithin(1000);
        attack.check(statusOf(connection) !== 101, `an upgrade with ${what} was accepted`);
      });
      for (const path of [
        '/',
        '/live',
        '/live/%00.flv',
        '/live/..%2f.flv',
        `/live/${'n'.repeat(5000)}.flv`,
        '/live/x',
      ]) {
        await upgraded(attack, path).then(async (connection) => connection.closedWithin(100));
      }
    },
  },
];

/** Sends an upgrade request and waits for its answer, whichever it is. */
async function upgraded(attack: Attack, path: string): Promise<RawConnection> {
  const connection = await attack.open(attack.target.http);
  const headers = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', keyLine()];
  await connection.send(Buffer.from([`GET ${path} HTTP/1.1`, 'Host: a', ...headers, '', ''].join('\r\n')));
  for (let turn = 0; turn < 200 && connection.receivedBytes === 0; turn += 1) {
    if (await connection.closedWithin(10)) break;
  }
  return connection;
}

function keyLine(): string {
  return 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
}

/** A client frame under the mask 0, which leaves the payload as it is. */
function masked(firstByte: number, payload: Buffer): Buffer {
  const size = Buffer.alloc(payload.length < 126 ? 1 : payload.length < 65_536 ? 3 : 9);
  if (size.length === 1) size[0] = 0x80 | payload.length;
  if (size.length === 3) {
    size[0] = 0x80 | 126;
    size.writeUInt16BE(payload.length, 1);
  }
  if (size.length === 9) {
    size[0] = 0x80 | 127;
    size.writeBigUInt64BE(BigInt(payload.length), 1);
  }
  return Buffer.concat([Buffer.from([firstByte]), size, Buffer.alloc(4), payload]);
}
