import { stringify } from 'yaml';
import type { EffectiveSetting } from './load-config.ts';

const hidden = '***';

/** The values in force as a YAML file that could be loaded again, secrets aside; with sources as comments when asked. */
export function printedConfig(
  settings: readonly EffectiveSetting[],
  options: { withSources: boolean },
): string {
  const lines: string[] = [];
  let open: readonly string[] = [];
  for (const setting of settings) {
    if (setting.value === undefined) continue;
    const sections = setting.path.split('.');
    const name = sections.pop() ?? '';
    lines.push(...openedSections(open, sections));
    open = sections;
    const value = setting.isSecret ? withoutSecrets(setting.value) : setting.value;
    const text = stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
    const comment = options.withSources ? ` # ${setting.source}` : '';
    lines.push(`${indent(sections.length)}${name}: ${text}${comment}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The headings of the sections that are not open yet; keys come in the order of the schema, so none opens twice. */
function openedSections(open: readonly string[], sections: readonly string[]): string[] {
  const same = sections.findIndex((section, depth) => open[depth] !== section);
  if (same < 0) return [];
  return sections.slice(same).map((section, depth) => `${indent(same + depth)}${section}:`);
}

function indent(depth: number): string {
  return '  '.repeat(depth);
}

/** The same structure with every text of a list replaced; the word `open` is no secret. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(() => hidden);
  if (typeof value !== 'object' || value === null) return value === 'open' ? value : hidden;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutSecrets(inner)]));
}
