/** True when an application is served, by the patterns of `apps`. */
export function isAppServed(patterns: readonly string[], app: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? app.startsWith(pattern.slice(0, -1)) : app === pattern,
  );
}
