import type { ConfigProblem } from '@headwater/contracts';

/** One value that a source sets. */
export interface ConfigAssignment {
  readonly path: string;
  readonly value: unknown;
  /** Said in messages, e.g. `environment variable HEADWATER_RTMP_PORT`. */
  readonly source: string;
}

/** What a source yields: values, and what was wrong with the source itself. */
export interface ConfigSourceResult {
  readonly assignments: readonly ConfigAssignment[];
  readonly problems: readonly ConfigProblem[];
}
