import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Scripts that do without the prelude: it refuses to go on over what they mend. */
const standalone = new Set(['set-aside']);

/**
 * The module of all scripts in a folder: a constant object, name → text, with the prelude before each.
 * @param {string} folder
 * @returns {string}
 */
export function renderLuaScripts(folder) {
  const read = (/** @type {string} */ name) => readFileSync(join(folder, `${name}.lua`), 'utf8');
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.lua'))
    .map((file) => file.slice(0, -'.lua'.length))
    .filter((name) => name !== 'prelude')
    .sort();
  const rows = names.map((name) => {
    const text = JSON.stringify(strip(read(name)));
    return `  ${JSON.stringify(name)}: ${standalone.has(name) ? text : `withPrelude(${text})`},\n`;
  });
  return [
    '// Made from src/redis/lua/*.lua by scripts/generate.mjs; do not edit.\n\n',
    `const prelude: string =\n  ${JSON.stringify(strip(read('prelude')))};\n\n`,
    'const withPrelude = (script: string): string => `${prelude}${script}`;\n\n',
    '/** The text of each script, by its name. */\n',
    `export const luaScripts: Readonly<Record<LuaScriptName, string>> = {\n${rows.join('')}};\n\n`,
    '/** The names of the scripts. */\n',
    `export type LuaScriptName = ${names.map((name) => JSON.stringify(name)).join(' | ')};\n`,
  ].join('');
}

/**
 * Comments and blank lines stay in the repository.
 * @param {string} lua
 */
function strip(lua) {
  return lua
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trim().startsWith('--'))
    .map((line) => `${line}\n`)
    .join('');
}
