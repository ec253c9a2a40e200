import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LogOutput } from './log-output.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-log-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('LogOutput', () => {
  it('writes everything in order', async () => {
    const file = join(folder, 'order.log');
    const fd = openSync(file, 'w');
    const output = new LogOutput(fd);
    const lines = Array.from({ length: 1000 }, (_, index) => `line ${index}\n`);
    for (const line of lines) output.write(line);
    await output.drained(10_000);
    closeSync(fd);
    expect(readFileSync(file, 'utf8')).toBe(lines.join(''));
    await output.drained(10_000);
  });

  it('drops what a slow reader leaves, and says how much', async () => {
    const file = join(folder, 'dropped.log');
    const fd = openSync(file, 'w');
    const output = new LogOutput(fd);
    output.write('first\n');
    const line = `${'x'.repeat(1024 * 1024 - 1)}\n`;
    for (let count = 0; count < 6; count++) output.write(line);
    await output.drained(10_000);
    closeSync(fd);
    const written = readFileSync(file, 'utf8').split('\n');
    expect(written.filter((text) => text.startsWith('xx'))).toHaveLength(4);
    expect(JSON.parse(written.at(-2) ?? '')).toMatchObject({ msg: 'log lines were dropped', dropped: 2 });
  });

  it('goes quiet when it cannot be written to', async () => {
    const fd = openSync(join(folder, 'read-only.log'), 'a+');
    closeSync(fd);
    const output = new LogOutput(fd);
    output.write('lost\n');
    await output.drained(10_000);
    output.write('lost too\n');
    await output.drained(10_000);
  });
});
