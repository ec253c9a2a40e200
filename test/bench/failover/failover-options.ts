import { parseArgs } from 'node:util';

/** What is to be measured. A section with a count of 0 is left out. */
export interface FailoverOptions {
  readonly kills: number;
  readonly freezes: number;
  /** How often the origin of a stream that has a backup is killed, and as often frozen. */
  readonly backups: number;
  /** How often the relay's connections are cut. */
  readonly cuts: number;
  /** Streams of the section that kills an origin with a quarter of them. */
  readonly streams: number;
  /** How long a publisher takes to give up a server that stands still. */
  readonly publisherTimeoutMs: number;
  readonly jsonFile: string | undefined;
}

/** How to call the bench. */
export const USAGE = `Usage: pnpm bench:failover [options]
  --kills N         how often the owner of a stream is killed (default: 50)
  --freezes N       how often it is stopped in the middle of everything, and goes on later (default: 50)
  --backups N       how often the origin of a stream that has a backup is killed, and as often stopped (default: 20)
  --cuts N          how often the connections between origin and edges are cut (default: 20)
  --streams N       streams over four origins, one of which is killed (default: 2000)
  --publisher-timeout MS
                    when a publisher gives up a server that stands still (default: 2000)
  --json FILE       write every figure of every round to FILE
  --help            print this
A count of 0 leaves its section out.`;

/** Parses the command line; undefined when help was asked for. Throws an Error with a sentence when it is wrong. */
export function parseFailoverOptions(args: readonly string[]): FailoverOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: 'string', default: '50' },
      freezes: { type: 'string', default: '50' },
      backups: { type: 'string', default: '20' },
      cuts: { type: 'string', default: '20' },
      streams: { type: 'string', default: '2000' },
      'publisher-timeout': { type: 'string', default: '2000' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    kills: parseCount('kills', values.kills),
    freezes: parseCount('freezes', values.freezes),
    backups: parseCount('backups', values.backups),
    cuts: parseCount('cuts', values.cuts),
    streams: parseCount('streams', values.streams),
    publisherTimeoutMs: parseCount('publisher-timeout', values['publisher-timeout']),
    jsonFile: values.json,
  };
}

function parseCount(name: string, text: string): number {
  if (/^(0|[1-9]\d{0,5})$/.test(text)) return Number(text);
  throw new Error(`--${name}: "${text}" is no whole number`);
}
