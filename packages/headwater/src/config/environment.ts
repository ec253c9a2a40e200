import { configKeyOfEnv, configKeys, nearestWord, type ConfigProblem } from '@headwater/contracts';
import type { ConfigAssignment, ConfigSourceResult } from './config-source.ts';
import { typedText } from './typed-text.ts';

const prefix = 'HEADWATER_';

// Kubernetes describes every Service of the namespace in variables named after it. A Service called `headwater-rtmp`
// yields HEADWATER_RTMP_PORT=tcp://10.0.0.1:1935, which is not meant for us.
const serviceLinkName = /_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;
const serviceLinkValue = /^(tcp|udp|sctp):\/\//;

/** Reads `HEADWATER_…` variables. An unknown one is a problem: it was meant to change something and would not. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): ConfigSourceResult {
  const assignments: ConfigAssignment[] = [];
  const problems: ConfigProblem[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !name.startsWith(prefix) || isServiceLink(name, value)) continue;
    const key = configKeyOfEnv(name);
    if (key === undefined) problems.push(unknownVariable(name));
    else {
      assignments.push({
        path: key.path,
        value: typedText(value, key.kind),
        source: `environment variable ${name}`,
      });
    }
  }
  return { assignments, problems };
}

/** The environment for a process that is told its settings otherwise: without the `HEADWATER_…` variables, secrets among them. */
export function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith(prefix)));
}

function isServiceLink(name: string, value: string): boolean {
  return serviceLinkName.test(name) || (name.endsWith('_PORT') && serviceLinkValue.test(value));
}

function unknownVariable(name: string): ConfigProblem {
  const suggestion = nearestWord(
    name,
    configKeys.map((key) => key.envName),
  );
  return {
    key: name,
    source: 'environment',
    expected: `a variable named after a key, or none that starts with ${prefix}`,
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}
