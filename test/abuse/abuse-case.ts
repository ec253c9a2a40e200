import type { Attack } from './attack.ts';

/** What must hold while a case runs and after it, besides the process living and the good stream going on. */
export interface Expectation {
  /** Longest gap that the good viewers may see. */
  readonly maxGapMs?: number;
  /** How much the resident memory may grow at its peak. */
  readonly memoryMiB?: number;
  /** Listeners that the case needs besides RTMP; without them it does not apply. */
  readonly needs?: readonly ('http' | 'admin' | 'relay' | 'pid')[];
}

/** One hostile behaviour. `run` attacks and reports what it saw through the attack's `check`. */
export interface AbuseCase {
  /** Number in the list of hostile inputs. */
  readonly number: number;
  /** A sentence with the condition: what the server does when it is treated so. */
  readonly title: string;
  readonly expect: Expectation;
  run(attack: Attack): Promise<void>;
}

/** What a case came to. */
export interface CaseResult {
  readonly number: number;
  readonly title: string;
  /** One sentence each; empty when the case passed. */
  readonly failures: readonly string[];
  readonly hasDied: boolean;
  /** The line of the server's output that names what killed it. */
  readonly exception?: string;
  readonly memoryGrowthMiB: number;
  readonly durationMs: number;
}
