import { ProtocolError } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { ClientHandshake } from './handshake-client.ts';
import { handshakeBytes } from './handshake.ts';
import { ServerHandshake } from './handshake-server.ts';
import { bytesOneByOne } from './testing/index.ts';

describe('ClientHandshake', () => {
  it('opens with version 3, its time, zero and random', () => {
    const client = new ClientHandshake({ randomBytes: (size) => Buffer.alloc(size, 7), nowMs: () => 258 });
    const opening = client.start();
    expect(opening).toHaveLength(1537);
    expect(opening.subarray(0, 10)).toEqual(Buffer.of(3, 0, 0, 1, 2, 0, 0, 0, 0, 7));
    expect(opening[1536]).toBe(7);
  });

  it('agrees with the server, byte by byte on both sides', () => {
    const client = new ClientHandshake({ nowMs: () => 2 });
    const server = new ServerHandshake({ nowMs: () => 1 });
    let isServerDone = false;
    const toClient: Buffer[] = [];
    const toServer = [client.start()];
    const rests: (Buffer | undefined)[] = [];
    while (toServer.length > 0 || toClient.length > 0) {
      for (const byte of bytesOneByOne(Buffer.concat(toServer.splice(0)))) {
        const progress = server.read(byte);
        if (progress.output !== undefined) toClient.push(progress.output, Buffer.from('next'));
        isServerDone = progress.isDone;
      }
      for (const byte of bytesOneByOne(Buffer.concat(toClient.splice(0)))) {
        const progress = client.read(byte);
        if (progress.output !== undefined) toServer.push(progress.output);
        if (progress.isDone) rests.push(progress.rest);
      }
    }
    expect(isServerDone).toBe(true);
    expect(Buffer.concat(rests.filter((rest) => rest !== undefined)).toString()).toBe('next');
  });

  it('echoes S1 as soon as it is here and ignores what S2 says', () => {
    const client = new ClientHandshake({ nowMs: () => 2 });
    const answer = Buffer.alloc(handshakeBytes, 9);
    answer[0] = 3;
    const first = client.read(answer.subarray(0, 1537));
    expect(first.isDone).toBe(false);
    const echo = Buffer.alloc(1536, 9);
    echo.writeUInt32BE(2, 4);
    expect(first.output).toEqual(echo);
    expect(client.read(answer.subarray(1537))).toEqual({ isDone: true });
  });

  it('refuses a server that talks HTTP at its first byte', () => {
    expect(() => new ClientHandshake().read(Buffer.from('H'))).toThrow(ProtocolError);
  });
});
