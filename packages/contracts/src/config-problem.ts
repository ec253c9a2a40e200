import { AppError } from './errors.ts';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** Dotted path, or the name of an environment variable that sets nothing. */
  readonly key: string;
  /** The offending value as shown to people, redacted where secret; absent for unknown keys and cross-checks. */
  readonly value?: string;
  /** Where it comes from, e.g. `headwater.yaml line 3`; absent when unknown. */
  readonly source?: string;
  /** Completes "expected …". */
  readonly expected: string;
  /** The known name that was probably meant. */
  readonly suggestion?: string;
}

/** A configuration that cannot be used; names everything that is wrong with it. */
export class ConfigError extends AppError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], cause?: unknown) {
    super('config_invalid', { details: { problems: problems.map(configProblemText).join('; ') }, cause });
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** One line: key, value, source, what was expected, what was probably meant. */
export function configProblemText(problem: ConfigProblem): string {
  const value = problem.value === undefined ? '' : ` is ${problem.value}`;
  const source = problem.source === undefined ? '' : ` (${problem.source})`;
  const suggestion = problem.suggestion === undefined ? '' : `; did you mean ${problem.suggestion}?`;
  return `${problem.key}${value}${source}: expected ${problem.expected}${suggestion}`;
}

/** The candidate nearest to a mistyped word, when it is near enough to be worth asking. */
export function nearestWord(word: string, candidates: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let best = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < best) [best, nearest] = [distance, candidate];
  }
  return nearest;
}

/** How many letters to insert, delete or replace (Levenshtein), for words of up to 128 letters. */
function editDistance(left: string, right: string): number {
  const a = left.slice(0, 128);
  const b = right.slice(0, 128);
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
