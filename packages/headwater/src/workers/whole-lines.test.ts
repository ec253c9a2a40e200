import { describe, expect, it } from 'vitest';
import { WholeLines } from './whole-lines.ts';

describe('WholeLines', () => {
  it('passes on whole lines only, wherever the text was cut', () => {
    const text = Buffer.from('{"a":"ä"}\n{"b":"𝄞"}\nrest');
    for (let cut = 0; cut <= text.length; cut++) {
      const written: string[] = [];
      const lines = new WholeLines((part) => written.push(part));
      lines.read(text.subarray(0, cut));
      lines.read(text.subarray(cut));
      expect(written.every((part) => part.endsWith('\n'))).toBe(true);
      lines.end();
      expect(written.join('')).toBe('{"a":"ä"}\n{"b":"𝄞"}\nrest\n');
    }
  });

  it('keeps no more than so much of a line that does not end', () => {
    const written: string[] = [];
    const lines = new WholeLines((part) => written.push(part));
    const mebibyte = Buffer.alloc(1024 * 1024, 'x');
    lines.read(mebibyte);
    expect(written).toHaveLength(0);
    lines.read(Buffer.from('y'));
    expect(written.join('')).toHaveLength(mebibyte.length + 2);
  });
});
