/** What the viewers' process tells each second, counted since its start. */
export interface ChurnReport {
  readonly joined: number;
  readonly failed: number;
  readonly disconnects: number;
}

/** Why the memory says nothing, if so: it does not grow either when hardly anybody watches. */
export function troubleOf({ joined, failed, disconnects }: ChurnReport): string | undefined {
  if (joined === 0) return 'nobody could watch';
  if (failed + disconnects === 0) return undefined;
  return `${String(failed)} viewers could not join, ${String(disconnects)} were disconnected`;
}
