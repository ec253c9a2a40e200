// Makes src/generated/lua-scripts.ts from src/redis/lua/*.lua, so that the scripts are part of the program.
//   node packages/cluster/scripts/generate.mjs           writes it
//   node packages/cluster/scripts/generate.mjs --check   fails when it is not what the .lua files say
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderLuaScripts } from './lua-module.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(root, 'src', 'generated', 'lua-scripts.ts');
const made = renderLuaScripts(join(root, 'src', 'redis', 'lua'));

if (process.argv.includes('--check')) {
  let held = '';
  try {
    held = readFileSync(target, 'utf8');
  } catch {
    // Not there is not fresh.
  }
  if (held !== made) {
    console.error(`${target} is stale: run pnpm generate`);
    process.exitCode = 1;
  }
} else {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, made);
}
