import { configKeys, configSections } from '@headwater/contracts';

const introduction = `# Configuration

<!-- Made by packages/headwater/scripts/generate.mjs from the schema in packages/contracts: do not edit. -->

Everything has a default: \`headwater all\` runs without any configuration. A value comes from, the later winning:

1. the default,
2. the YAML file named by \`--config FILE\`,
3. an environment variable: \`HEADWATER_\` and the key in capitals with underscores, \`limits.exemptAddresses\` being
   \`HEADWATER_LIMITS_EXEMPT_ADDRESSES\`,
4. \`--set KEY=VALUE\`, repeatable.

In the environment and in \`--set\`, a list is written \`a,b\` or \`[a, b]\`, a map as YAML in one line: \`{ live: { publish: [key] } }\`.

- A **duration** is a number with \`ms\`, \`s\`, \`m\` or \`h\`: \`500ms\`, \`15s\`. A plain number is seconds.
- A **size** is a number with \`B\`, \`kB\`, \`MB\`, \`GB\`, \`KiB\`, \`MiB\` or \`GiB\`: \`16MiB\`. A plain number is bytes.

An unknown key, an unknown \`HEADWATER_\` variable or a wrong value stops the start with exit code 78 and a line for each
problem: the key, the value, where it comes from, and what was expected. Variables that Kubernetes makes for Services
called \`headwater…\` are left alone. \`headwater config check\` only checks; \`headwater config print --sources\` shows what
is in force and why, secrets hidden; \`headwater config schema\` prints [the JSON Schema](config.schema.json) of the file.

\`\`\`yaml
# yaml-language-server: $schema=config.schema.json
node:
  id: origin-1
rtmp:
  port: 1935
hold: 15s
access:
  kind: keys
  keys:
    live: { publish: [a-long-secret], play: open }
\`\`\`
`;

/** The reference page of the configuration, as Markdown. */
export function configPage() {
  const top = configKeys.filter((key) => !key.path.includes('.'));
  const parts = [introduction, '## Top level\n', table(top)];
  for (const { path, description } of configSections) {
    const keys = configKeys.filter((key) => key.path.startsWith(`${path}.`));
    parts.push(`## \`${path}\`\n`, `${description}\n`, table(keys));
  }
  return `${parts.join('\n').trimEnd()}\n`;
}

/** @param {readonly import('@headwater/contracts').ConfigKey[]} keys */
function table(keys) {
  const rows = keys.map(({ path, defaultValue, description, expected }) =>
    row([`\`${path}\``, shown(defaultValue), description, expected.replace(/, such as .*/, '')]),
  );
  return `${[row(['Key', 'Default', 'Meaning', 'Value']), '|---|---|---|---|', ...rows].join('\n')}\n`;
}

/** @param {string[]} cells */
function row(cells) {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** @param {unknown} value */
function shown(value) {
  if (value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `\`${text}\``;
}
