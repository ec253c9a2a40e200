import { stringify } from 'yaml';
import type { EffectiveSetting } from './load-config.ts';

const hidden = '***';

/** The values in force as a YAML file that could be loaded again, secrets aside; with sources as comments when asked. */
export function printedConfig(
  settings: readonly EffectiveSetting[],
  options: { withSources: boolean },
): string {
  const lines: string[] = [];
  let section = '';
  for (const setting of settings) {
    if (setting.value === undefined) continue;
    const dot = setting.path.indexOf('.');
    const name = dot < 0 ? '' : setting.path.slice(0, dot);
    if (name !== section && name !== '') lines.push(`${name}:`);
    section = name;
    const value = setting.isSecret ? withoutSecrets(setting.value) : setting.value;
    const text = stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
    const comment = options.withSources ? ` # ${setting.source}` : '';
    lines.push(`${name === '' ? '' : '  '}${setting.path.slice(dot + 1)}: ${text}${comment}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The same structure with every text of a list replaced; the word `open` is no secret. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(() => hidden);
  if (typeof value !== 'object' || value === null) return value === 'open' ? value : hidden;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutSecrets(inner)]));
}
