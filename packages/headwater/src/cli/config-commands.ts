import { configJsonSchema, type Config } from '@headwater/contracts';
import { loadConfig } from '../config/load-config.ts';
import { printedConfig } from '../config/print-config.ts';

/** Where the values come from. */
export interface ConfigArguments {
  readonly config?: string;
  readonly set: readonly string[];
}

/** `headwater config check`: throws what is wrong. */
export function checkConfiguration(args: ConfigArguments): void {
  const { config } = loadConfig({ file: args.config, env: process.env, set: args.set });
  process.stdout.write(['the configuration is valid', ...workersNote(config), ''].join('\n'));
}

// The same setting means different things to different roles, and which one will run is not known here.
function workersNote({ workers, node, relay, registry }: Config): string[] {
  if (workers === 1) return [];
  const number = workers === 'auto' ? 'N' : String(workers);
  const row = workers === 'auto' ? `from ${relay.port} on` : `${relay.port} to ${relay.port + workers - 1}`;
  const ports = relay.port === 0 ? 'free relay ports' : `relay ports ${row}`;
  const ofOrigin = `is ${number} origins, ${node.id}-1 to ${node.id}-${number}, with ${ports}`;
  const ofAll = 'keeps publishers in one process, and serves viewers by these workers';
  return [
    `workers: ${String(workers)}`,
    `  headwater edge    serves viewers by ${number} processes`,
    ...(registry.redis === undefined ? [] : [`  headwater origin  ${ofOrigin}`]),
    `  headwater all     ${ofAll}`,
  ];
}

/** `headwater config print`. */
export function printConfiguration(args: ConfigArguments & { readonly sources: boolean }): void {
  const { settings } = loadConfig({ file: args.config, env: process.env, set: args.set });
  process.stdout.write(printedConfig(settings, { withSources: args.sources }));
}

/** `headwater config schema`. */
export function printSchema(): void {
  process.stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
}
