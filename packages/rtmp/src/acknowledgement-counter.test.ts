import { describe, expect, it } from 'vitest';
import { AcknowledgementCounter } from './acknowledgement-counter.ts';

describe('AcknowledgementCounter', () => {
  it('says nothing before the peer has named its window', () => {
    expect(new AcknowledgementCounter().received(10_000_000)).toBeUndefined();
  });

  it('counts what came before the window was named', () => {
    const counter = new AcknowledgementCounter();
    counter.received(3073);
    counter.setWindow(4000);
    expect(counter.received(1)).toBe(3074);
  });

  it('acknowledges before a whole window is out, whatever the sizes of reads', () => {
    for (const readBytes of [7, 100, 1999, 2000, 2001, 5000, 100_000]) {
      const counter = new AcknowledgementCounter();
      counter.setWindow(4000);
      let total = 0;
      let last = 0;
      for (let reads = 0; reads < 500; reads += 1) {
        total += readBytes;
        const sequenceNumber = counter.received(readBytes);
        if (sequenceNumber !== undefined) {
          expect(sequenceNumber).toBe(total % 2 ** 32);
          last = total;
        }
        if (total - last >= Math.max(4000, readBytes)) expect.fail(`${String(total - last)} bytes without`);
      }
    }
  });

  it.each([0, 1, 1023, 1024])('treats a window of %i as 1024', (windowBytes) => {
    const counter = new AcknowledgementCounter();
    counter.setWindow(windowBytes);
    expect(counter.received(511)).toBeUndefined();
    expect(counter.received(1)).toBe(512);
    expect(counter.received(511)).toBeUndefined();
  });

  it('begins again at 0 after 2^32 bytes', () => {
    const counter = new AcknowledgementCounter();
    counter.setWindow(2 ** 32 - 1);
    expect(counter.received(2 ** 32 - 5)).toBe(2 ** 32 - 5);
    counter.setWindow(1024);
    expect(counter.received(600)).toBe(595);
  });
});
