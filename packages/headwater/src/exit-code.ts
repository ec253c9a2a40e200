/** What the program's exit code says, after sysexits.h where it has a word for it. */
export const exitCode = {
  /** A clean end, also after SIGTERM and SIGINT. */
  ok: 0,
  /** A fault at run time, or an end that was not clean; the log says what. */
  fault: 1,
  /** The command line is wrong. */
  usage: 64,
  /** An address or the node id is in use, an address cannot be used, or the node that was asked cannot be reached. */
  unavailable: 69,
  /** The configuration is wrong. */
  config: 78,
} as const;

/** Any of them. */
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
