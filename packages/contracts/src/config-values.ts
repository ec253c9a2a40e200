// The kinds of value that a configuration key can have. Each builder makes a zod schema that accepts what a person
// types (`15s`, `16MiB`, `1935`), and notes beside it what to say when the value is something else.
import * as z from 'zod';

/** How the text of an environment variable or of `--set` becomes a value of the key. */
export type ConfigValueKind = 'text' | 'number' | 'flag' | 'list' | 'map';

/** What is known about a key beside its schema. `expected` completes "expected …". */
export interface ConfigNote {
  readonly kind: ConfigValueKind;
  readonly expected: string;
  /** The values of a secret key are never shown. */
  readonly isSecret: boolean;
  /** A value as it may be shown, where parts of it are secret. */
  readonly redact?: (value: unknown) => unknown;
}

/** Schema of a key → its note. */
export const configNotes: z.core.$ZodRegistry<ConfigNote> = z.registry<ConfigNote>();

const durationPattern = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h)?$/;
const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const sizePattern = /^(\d{1,12}(?:\.\d{1,3})?)(B|kB|MB|GB|KiB|MiB|GiB)?$/;
const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
};

/** Reads `15s`, `500ms`, `2m`, `1h`, or a plain number of seconds, as milliseconds; NaN for anything else. */
export function parseDurationMs(value: string | number): number {
  if (typeof value === 'number') return value * 1000;
  const match = durationPattern.exec(value);
  return match === null ? NaN : Math.round(Number(match[1]) * (durationUnits[match[2] ?? 's'] ?? NaN));
}

/** Reads `16MiB`, `500kB`, or a plain number of bytes, as bytes; NaN for anything else. */
export function parseSizeBytes(value: string | number): number {
  if (typeof value === 'number') return value;
  const match = sizePattern.exec(value);
  return match === null ? NaN : Math.round(Number(match[1]) * (sizeUnits[match[2] ?? 'B'] ?? NaN));
}

/** A group of keys; left out, all of its keys have their defaults. */
export function section<Shape extends z.core.$ZodLooseShape>(description: string, shape: Shape) {
  return z
    .strictObject(shape)
    .prefault({} as never)
    .describe(description);
}

/** A span of time; its parsed value is in milliseconds. */
export function duration(fallback: string, range: { min: string; max: string }, description: string) {
  const [min, max] = [parseDurationMs(range.min), parseDurationMs(range.max)];
  const schema = z
    .union([z.number().min(0), z.string().regex(durationPattern)])
    .transform(parseDurationMs)
    .pipe(z.number().min(min).max(max));
  const expected = `a duration from ${range.min} to ${range.max}, such as ${fallback} (units ms, s, m, h; a plain number is seconds)`;
  return noted(schema.prefault(fallback).describe(description), { kind: 'text', expected });
}

/** An amount of memory; its parsed value is in bytes. */
export function size(fallback: string, range: { min: string; max: string }, description: string) {
  const [min, max] = [parseSizeBytes(range.min), parseSizeBytes(range.max)];
  const schema = z
    .union([z.number().min(0), z.string().regex(sizePattern)])
    .transform(parseSizeBytes)
    .pipe(z.number().min(min).max(max));
  const expected = `a size from ${range.min} to ${range.max}, such as ${fallback} (units B, kB, MB, GB, KiB, MiB, GiB; a plain number is bytes)`;
  return noted(schema.prefault(fallback).describe(description), { kind: 'text', expected });
}

/** A whole number. */
export function whole(fallback: number, range: { min: number; max: number }, description: string) {
  const schema = z.int().min(range.min).max(range.max).prefault(fallback).describe(description);
  return noted(schema, { kind: 'number', expected: `a whole number from ${range.min} to ${range.max}` });
}

/** A TCP port; 0 lets the system choose. */
export function port(fallback: number, description: string) {
  const schema = z.int().min(0).max(65_535).prefault(fallback).describe(description);
  return noted(schema, {
    kind: 'number',
    expected: 'a port number from 0 to 65535 (0: any free port)',
  });
}

/** One of a few words. */
export function choice<const W extends readonly [string, ...string[]]>(
  words: W,
  fallback: W[number],
  description: string,
) {
  const schema = z
    .enum(words as readonly string[] as [W[number], ...W[number][]])
    .prefault(fallback)
    .describe(description);
  const expected = words.length === 1 ? words[0] : `one of ${words.join(', ')}`;
  return noted(schema, { kind: 'text', expected });
}

/** Yes or no. */
export function flag(fallback: boolean, description: string) {
  return noted(z.boolean().prefault(fallback).describe(description), {
    kind: 'flag',
    expected: 'true or false',
  });
}

/** Text that must look a certain way. */
export function text(pattern: RegExp, fallback: string, description: string, expected: string) {
  return noted(z.string().regex(pattern).prefault(fallback).describe(description), {
    kind: 'text',
    expected,
  });
}

/** Text that may be left out. */
export function optionalText(pattern: RegExp, description: string, expected: string) {
  return noted(z.string().regex(pattern).optional().describe(description), { kind: 'text', expected });
}

/** Some texts that must each look a certain way. */
export function textList(pattern: RegExp, fallback: string[], description: string, expected: string) {
  const schema = z.array(z.string().regex(pattern)).max(1000).prefault(fallback).describe(description);
  return noted(schema, { kind: 'list', expected });
}

/** Some IP addresses or networks. */
export function addresses(fallback: string[], description: string) {
  const schema = z
    .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))
    .max(1000)
    .prefault(fallback)
    .describe(description);
  return noted(schema, { kind: 'list', expected: 'a list of IP addresses or networks such as 10.0.0.0/8' });
}

/** Attaches a note to a finished schema. */
export function noted<S extends z.ZodType>(
  schema: S,
  note: Omit<ConfigNote, 'isSecret'> & { readonly isSecret?: boolean },
): S {
  configNotes.add(schema, { isSecret: false, ...note });
  return schema;
}
