import { describe, expect, it } from 'vitest';
import { ChunkReader } from './chunk-reader.ts';
import { defaultChunkReaderLimits } from './limits.ts';
import { SessionOutput } from './session-output.ts';

function setUp(maxUnreadBytes = 1000): {
  output: SessionOutput;
  writes: Buffer[];
  pending: { bytes: number };
} {
  const writes: Buffer[] = [];
  const pending = { bytes: 0 };
  const output = new SessionOutput({
    write: (bytes) => writes.push(bytes),
    pendingBytes: () => pending.bytes,
    maxUnreadBytes,
  });
  return { output, writes, pending };
}

describe('SessionOutput', () => {
  it('writes all that was said in one piece, and nothing when nothing was said', () => {
    const { output, writes } = setUp();
    output.flush();
    output.raw(Buffer.from('ab'));
    output.raw(Buffer.from('c'));
    expect(writes).toEqual([]);
    output.flush();
    output.flush();
    expect(writes).toEqual([Buffer.from('abc')]);
  });

  it('cuts messages by the chunk size that it announced, from the next message on', () => {
    const { output, writes } = setUp(Infinity);
    const payload = Buffer.alloc(1000, 7);
    const message = { chunkStreamId: 3, typeId: 20, messageStreamId: 0, timestampMs: 0, payload };
    output.message(message);
    output.control({ kind: 'setChunkSize', chunkSize: 500 });
    output.message(message);
    output.flush();
    const reader = new ChunkReader(defaultChunkReaderLimits);
    const typeIds: number[] = [];
    reader.read(writes[0] ?? Buffer.alloc(0), ({ typeId, payload: read }) => {
      typeIds.push(typeId);
      if (typeId === 1) reader.setChunkSize(read.readUInt32BE());
      else expect(read).toEqual(payload);
    });
    expect(typeIds).toEqual([20, 1, 20]);
  });

  it('stalls when more than its limit was said while the transport held more than that', () => {
    const { output, writes, pending } = setUp(1000);
    pending.bytes = 1001;
    for (let index = 0; index < 10; index += 1) {
      output.raw(Buffer.alloc(100));
      output.flush();
      expect(output.isStalled).toBe(false);
    }
    output.raw(Buffer.alloc(1));
    output.flush();
    expect(output.isStalled).toBe(true);
    expect(writes).toHaveLength(10);
  });

  it('does not stall as long as the transport gets rid of what it holds now and then', () => {
    const { output, pending } = setUp(1000);
    for (let index = 0; index < 100; index += 1) {
      pending.bytes = index % 5 === 0 ? 1000 : 5000;
      output.raw(Buffer.alloc(200));
      output.flush();
      expect(output.isStalled).toBe(false);
    }
  });

  it('says nothing more once it is closed', () => {
    const { output, writes } = setUp();
    output.raw(Buffer.from('a'));
    output.close();
    output.raw(Buffer.from('b'));
    output.flush();
    expect(writes).toEqual([Buffer.from('a')]);
  });
});
