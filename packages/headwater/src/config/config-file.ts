import { readFileSync, statSync } from 'node:fs';
import { ConfigError, type ConfigProblem } from '@headwater/contracts';
import { LineCounter, parseDocument, type Document, type Node } from 'yaml';

const maxFileBytes = 1_048_576;

/** A parsed configuration file. */
export interface ConfigFile {
  readonly value: Readonly<Record<string, unknown>>;
  /** `FILE line N` of the value at a dotted path, or of the nearest one above it that is there. */
  sourceOf(path: string): string | undefined;
}

/** Reads a YAML file. Throws `ConfigError` when it is missing, too large, or not YAML with a map on top. */
export function readConfigFile(path: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(readText(path), { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line } = lines.linePos(error.pos[0]);
    throw problem({ key: path, source: `line ${line}`, expected: `valid YAML: ${error.message}` });
  }
  const value: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw problem({ key: path, expected: 'keys and values (a YAML map)' });
  }
  return {
    value: value as Record<string, unknown>,
    sourceOf: (key) => {
      const line = lineOf(document, lines, key.split('.'));
      return line === undefined ? undefined : `${path} line ${line}`;
    },
  };
}

function readText(path: string): string {
  try {
    if (statSync(path).size > maxFileBytes) {
      throw problem({ key: path, expected: `a file of at most ${maxFileBytes} bytes` });
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new ConfigError([{ key: path, expected: `a readable configuration file (${reason})` }], error);
  }
}

function lineOf(document: Document, lines: LineCounter, path: readonly string[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as Node | undefined;
    const start = node?.range?.[0];
    if (start !== undefined) return lines.linePos(start).line;
  }
  return undefined;
}

function problem(what: ConfigProblem): ConfigError {
  return new ConfigError([what]);
}
