import { configJsonSchema } from '@headwater/contracts';
import { loadConfig } from '../config/load-config.ts';
import { printedConfig } from '../config/print-config.ts';

/** Where the values come from. */
export interface ConfigArguments {
  readonly config?: string;
  readonly set: readonly string[];
}

/** `headwater config check`: throws what is wrong. */
export function checkConfiguration(args: ConfigArguments): void {
  loadConfig({ file: args.config, env: process.env, set: args.set });
  process.stdout.write('the configuration is valid\n');
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
