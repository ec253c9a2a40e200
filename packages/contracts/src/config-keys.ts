// A flat view of the schema: one entry a key, with the names under which the environment and the command line know it.
import type * as z from 'zod';
import { configSchema } from './config-schema.ts';
import { configNotes, type ConfigNote } from './config-values.ts';

/** One key of the configuration. */
export interface ConfigKey extends ConfigNote {
  /** Dotted, e.g. `rtmp.port`. */
  readonly path: string;
  /** e.g. `HEADWATER_RTMP_PORT`. */
  readonly envName: string;
  readonly description: string;
  /** As a person would type it; undefined when it has none. */
  readonly defaultValue: unknown;
}

/** A section of the configuration and what it is about. */
export interface ConfigSection {
  readonly path: string;
  readonly description: string;
}

const found = collect();

/** Every key, in the order of the schema. */
export const configKeys: readonly ConfigKey[] = found.keys;

/** Every section, in the order of the schema. */
export const configSections: readonly ConfigSection[] = found.sections;

const byPath = new Map(configKeys.map((key) => [key.path, key]));
const byEnvName = new Map(configKeys.map((key) => [key.envName, key]));

/** The key at a dotted path. */
export function configKey(path: string): ConfigKey | undefined {
  return byPath.get(path);
}

/** The key that an environment variable sets. */
export function configKeyOfEnv(name: string): ConfigKey | undefined {
  return byEnvName.get(name);
}

/** The key at or above a path, for problems inside lists and maps. */
export function configKeyAbove(path: readonly PropertyKey[]): ConfigKey | undefined {
  for (let length = path.length; length > 0; length--) {
    const key = byPath.get(path.slice(0, length).map(String).join('.'));
    if (key !== undefined) return key;
  }
  return undefined;
}

function collect(): { keys: ConfigKey[]; sections: ConfigSection[] } {
  const keys: ConfigKey[] = [];
  const sections: ConfigSection[] = [];
  const visit = (path: string, schema: z.ZodType): void => {
    const note = configNotes.get(schema);
    if (note === undefined) {
      sections.push({ path, description: schema.description ?? '' });
      for (const [name, inner] of Object.entries(shapeOf(schema))) visit(`${path}.${name}`, inner);
      return;
    }
    keys.push({
      ...note,
      path,
      envName: `HEADWATER_${path.replaceAll('.', '_').replace(/[A-Z]/g, '_$&').toUpperCase()}`,
      description: schema.description ?? '',
      defaultValue:
        schema.def.type === 'prefault' ? (schema.def as z.core.$ZodPrefaultDef).defaultValue : undefined,
    });
  };
  for (const [name, schema] of Object.entries(configSchema.shape)) visit(name, schema);
  return { keys, sections };
}

function shapeOf(schema: z.ZodType): Record<string, z.ZodType> {
  const inner = (schema.def as z.core.$ZodPrefaultDef).innerType as z.ZodObject;
  return inner.shape;
}
