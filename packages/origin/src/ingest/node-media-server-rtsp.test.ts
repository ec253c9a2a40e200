import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openEngineSession } from './node-media-server-rtsp.ts';
import type { PullFailure } from './pull-source.ts';

/** What a session says about a source that answers whatever comes with these bytes and hangs up. */
async function failureOf(pieces: readonly Uint8Array[]): Promise<PullFailure> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      for (const piece of pieces) socket.write(piece);
      socket.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const failure = await new Promise<PullFailure>((resolve) => {
    openEngineSession(`rtsp://127.0.0.1:${port}/cam`, {
      started: () => undefined,
      packet: () => undefined,
      senderReport: () => undefined,
      failed: resolve,
    });
  });
  server.close();
  return failure;
}

// From these, noise gets beyond the first byte.
const words = [
  'RTSP/1.0 200 OK\r\n',
  'CSeq: 1\r\n',
  '\r\n',
  'Content-Length: 40\r\n',
  'm=video 0 RTP/AVP 96\r\n',
  '$\0\0\x04',
];
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  fc.constantFrom(...words).map((word) => new Uint8Array(Buffer.from(word, 'latin1'))),
);

it('a source that says anything at all is over with one failure, and nothing is thrown', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
      const { outcome, why } = await failureOf(pieces);
      expect(['ended', 'protocol', 'refused', 'unsupported']).toContain(outcome);
      expect(why).not.toBe('');
    }),
    { numRuns: 100 },
  );
});

it.each(['http://', 'rtsp://%zz@h/', 'rtsp://'])('%s ends with a failure and no exception', async (url) => {
  const failure = await new Promise<PullFailure>((resolve) => {
    openEngineSession(url, {
      started: () => undefined,
      packet: () => undefined,
      senderReport: () => undefined,
      failed: resolve,
    });
  });
  expect(failure.why).not.toBe('');
});
