// values.yaml with a comment over each value, and the table of README.md.
import { stringify } from 'yaml';
import { chartValues } from './chart-source.mjs';

/** @typedef {import('./chart-source.mjs').Schema} Schema */

const lineWidth = 120;

/** values.yaml. */
export function valuesFile() {
  const intro = '# Made by helm/scripts/generate.mjs from helm/values.source.yaml: change that.\n';
  return `${intro}${valuesOf(chartValues(), 0)}`;
}

/** @param {Record<string, Schema>} properties @param {number} depth @returns {string} */
function valuesOf(properties, depth) {
  const indent = '  '.repeat(depth);
  return Object.entries(properties)
    .map(([name, schema]) => {
      const comment = wrapped(schema.description ?? '', lineWidth - indent.length - 2);
      const lines = comment.map((line) => `${indent}# ${line}\n`).join('');
      if (isGroup(schema)) {
        return `${lines}${indent}${name}:\n${valuesOf(schema.properties ?? {}, depth + 1)}`;
      }
      return `${lines}${indented(stringify({ [name]: schema.default }), indent)}`;
    })
    .join('');
}

/** README.md of the chart, with the table of its values put between two marks. @param {string} text */
export function readmeWithValues(text) {
  const [start, end] = ['<!-- values -->', '<!-- end of values -->'];
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < 0) throw new Error(`helm/headwater/README.md lacks ${start} or ${end}`);
  const rows = rowsOf(chartValues(), '');
  const table = ['| Value | Default | Meaning |', '|---|---|---|', ...rows].join('\n');
  return `${text.slice(0, from)}${start}\n\n${table}\n\n${text.slice(to)}`;
}

/** @param {Record<string, Schema>} properties @param {string} prefix @returns {string[]} */
function rowsOf(properties, prefix) {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const path = `${prefix}${name}`;
    if (isGroup(schema)) return rowsOf(schema.properties ?? {}, `${path}.`);
    const meaning = (schema.description ?? '').replaceAll('|', '\\|');
    return [`| \`${path}\` | \`${JSON.stringify(schema.default)}\` | ${meaning} |`];
  });
}

/** @param {Schema} schema */
function isGroup({ properties, default: fallback }) {
  return properties !== undefined && fallback === undefined;
}

/** @param {string} text @param {number} width */
function wrapped(text, width) {
  const lines = [''];
  for (const word of text.trim().split(/\s+/)) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

/** @param {string} text @param {string} indent */
function indented(text, indent) {
  return text.replace(/^(?=.)/gm, indent);
}
