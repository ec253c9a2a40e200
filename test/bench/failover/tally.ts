import type { Witness } from '../../support/chaos-witness.ts';

/** What viewers must never see, counted over all of them. */
export interface Tally {
  viewers: number;
  disconnects: number;
  /** Frames that were left out of a session, other than those that died with its origin. */
  missing: number;
  /** Every other thing that was wrong, with how many viewers saw it: times that went back, mixed epochs, repetitions. */
  readonly complaints: Map<string, number>;
  /** Takes in what a viewer saw. */
  add(witness: Witness): void;
}

/** An empty one. */
export function tallyOf(): Tally {
  return {
    viewers: 0,
    disconnects: 0,
    missing: 0,
    complaints: new Map(),
    add({ end, missing, complaints }) {
      this.viewers++;
      if (end !== undefined) this.disconnects++;
      this.missing += missing;
      for (const complaint of complaints) {
        const what = complaint.replace(/^[^:]*: | \(\d+\)$/g, '');
        this.complaints.set(what, (this.complaints.get(what) ?? 0) + 1);
      }
    },
  };
}

/** True when nothing went wrong. */
export function isClean({ disconnects, missing, complaints }: Tally): boolean {
  return disconnects === 0 && missing === 0 && complaints.size === 0;
}

/** One line, and one more for each kind of complaint. */
export function renderTally(title: string, { viewers, disconnects, missing, complaints }: Tally): string {
  const counts = `${String(disconnects)} disconnects, ${String(missing)} frames lost`;
  const rest =
    complaints.size === 0
      ? ['no time that went back, no mixed epochs, nothing twice']
      : [...complaints].map(([what, count]) => `${String(count)} viewers: ${what}`);
  return [`${title}: ${String(viewers)} viewers, ${counts}`, ...rest].join('\n  ');
}
