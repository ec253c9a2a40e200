// Defaults, then the file, then the environment, then --set: the later source wins, key by key.
import { hostname } from 'node:os';
import {
  compileConfig,
  configKeys,
  configSections,
  ConfigError,
  type Config,
  type ConfigProblem,
} from '@headwater/contracts';
import { readConfigFile } from './config-file.ts';
import { readEnvironment } from './environment.ts';
import { readSetArguments } from './set-arguments.ts';

/** Where values may come from beside the defaults. */
export interface ConfigSources {
  readonly file?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly set?: readonly string[];
}

/** A key with the value in force, as a person would type it. */
export interface EffectiveSetting {
  readonly path: string;
  readonly value: unknown;
  readonly source: string;
  readonly isSecret: boolean;
}

/** The compiled configuration, and what it was made of. */
export interface LoadedConfig {
  readonly config: Config;
  readonly settings: readonly EffectiveSetting[];
}

type Tree = Record<string, unknown>;

/** Collects all sources and compiles. Throws `ConfigError` naming every problem of every source. */
export function loadConfig(sources: ConfigSources = {}): LoadedConfig {
  const file = sources.file === undefined ? undefined : readConfigFile(sources.file);
  const environment = readEnvironment(sources.env ?? {});
  const set = readSetArguments(sources.set ?? []);
  const tree = structuredClone(file?.value ?? {}) as Tree;
  dropEmptySections(tree);
  const assigned = new Map<string, string>();
  for (const { path, value, source } of [...environment.assignments, ...set.assignments]) {
    if (assign(tree, path, value)) assigned.set(path, source);
  }
  const sourceOf = (path: string): string | undefined => sourceAt(assigned, path) ?? file?.sourceOf(path);
  const problems = [...environment.problems, ...set.problems];
  const config = compileWith(tree, { problems, sourceOf });
  const settings = configKeys.map((key) => {
    const typed = valueAt(tree, key.path);
    const value = key.path === 'node.id' ? config.node.id : (typed ?? key.defaultValue);
    const source = typed === undefined ? 'default' : (sourceOf(key.path) ?? 'default');
    return { path: key.path, value: key.redact?.(value) ?? value, source, isSecret: key.isSecret };
  });
  return { config, settings };
}

function compileWith(
  tree: Tree,
  context: { problems: readonly ConfigProblem[]; sourceOf: (path: string) => string | undefined },
): Config {
  const { problems, sourceOf } = context;
  try {
    const config = compileConfig(tree, { defaultNodeId: defaultNodeId(), sourceOf });
    if (problems.length === 0) return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError([...problems, ...error.problems]);
  }
  throw new ConfigError(problems);
}

/** The host name, with what a node's id may not contain replaced. */
function defaultNodeId(): string {
  return (
    hostname()
      .replace(/[^A-Za-z0-9_.-]/g, '-')
      .slice(0, 128) || 'headwater'
  );
}

/** A section name with nothing under it is legal YAML and means nothing. */
function dropEmptySections(tree: Tree): void {
  for (const { path } of configSections) if (tree[path] === null) tree[path] = {};
}

/** Sets a value; false when something that is no section stands in the way, which the schema then reports. */
function assign(tree: Tree, path: string, value: unknown): boolean {
  const parts = path.split('.');
  const last = parts.pop() ?? path;
  let at = tree;
  for (const part of parts) {
    const next = (at[part] ??= {});
    if (typeof next !== 'object' || Array.isArray(next)) return false;
    at = next as Tree;
  }
  at[last] = value;
  return true;
}

function valueAt(tree: Tree, path: string): unknown {
  let at: unknown = tree;
  for (const part of path.split('.')) at = (at as Tree | undefined)?.[part];
  return at;
}

function sourceAt(assigned: ReadonlyMap<string, string>, path: string): string | undefined {
  for (let key = path; key !== ''; key = key.slice(0, Math.max(0, key.lastIndexOf('.')))) {
    const source = assigned.get(key);
    if (source !== undefined) return source;
  }
  return undefined;
}
