import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { luaScripts } from '../generated/lua-scripts.ts';

const folder = fileURLToPath(new URL('lua/', import.meta.url));
const files = readdirSync(folder).filter((file) => file.endsWith('.lua'));
const read = (file: string): string => readFileSync(`${folder}${file}`, 'utf8');
const code = (lua: string): string =>
  lua
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trim().startsWith('--'))
    .join('\n');

describe('the scripts in the program', () => {
  it('are those of the .lua files: run `pnpm generate` when this fails', () => {
    const names = files.map((file) => file.replace('.lua', '')).filter((name) => name !== 'prelude');
    expect(Object.keys(luaScripts).sort()).toEqual(names.sort());
    for (const name of names) {
      const before = name === 'set-aside' ? '' : `${code(read('prelude.lua'))}\n`;
      expect(luaScripts[name as keyof typeof luaScripts]).toBe(`${before}${code(read(`${name}.lua`))}\n`);
    }
  });

  it.each(files)('%s says what it takes, answers and guarantees', (file) => {
    const header = read(file).split('\n\n')[0] ?? '';
    for (const part of ['ARGV', 'Reply', 'Guarantee']) expect(read(file)).toContain(`-- ${part}`);
    expect(header.startsWith('-- ')).toBe(true);
  });
});
