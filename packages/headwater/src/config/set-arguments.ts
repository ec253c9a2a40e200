import { configKey, configKeys, configSections, nearestWord, type ConfigProblem } from '@headwater/contracts';
import type { ConfigAssignment, ConfigSourceResult } from './config-source.ts';
import { typedText } from './typed-text.ts';

/** Reads the `key=value` of every `--set`; of two for one key the later wins. */
export function readSetArguments(args: readonly string[]): ConfigSourceResult {
  const assignments: ConfigAssignment[] = [];
  const problems: ConfigProblem[] = [];
  for (const argument of args) {
    const equals = argument.indexOf('=');
    const path = equals < 0 ? argument : argument.slice(0, equals);
    const key = configKey(path);
    if (key === undefined) problems.push(unknownKey(path));
    else if (equals < 0) problems.push({ key: path, source: '--set', expected: `${path}=VALUE` });
    else {
      const value = typedText(argument.slice(equals + 1), key.kind);
      assignments.push({ path, value, source: `--set ${path}` });
    }
  }
  return { assignments, problems };
}

function unknownKey(path: string): ConfigProblem {
  const section = configSections.find((known) => known.path === path);
  if (section !== undefined) {
    const within = configKeys.filter((key) => key.path.startsWith(`${path}.`)).map((key) => key.path);
    return { key: path, source: '--set', expected: `a key of the section: ${within.join(', ')}` };
  }
  const suggestion = nearestWord(
    path,
    configKeys.map((key) => key.path),
  );
  return {
    key: path,
    source: '--set',
    expected: 'a known key',
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}
