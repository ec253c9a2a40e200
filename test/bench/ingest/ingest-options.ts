import { parseArgs } from 'node:util';

/** What is to be measured. */
export interface IngestOptions {
  readonly servers: readonly string[];
  readonly publishers: number;
  readonly seconds: number;
  readonly pairs: number;
  readonly jsonFile: string | undefined;
}

/** How to call the bench. */
export const USAGE = `Usage: pnpm bench:ingest [options]
  --servers LIST    of headwater, headwater-origin, node-media-server, nginx-rtmp, srs, mediamtx (default: all that can be found)
  --publishers N    publishers of 500 kbit/s at the same time (default: 500)
  --seconds N       length of the measuring window (default: 10)
  --pairs N         how often all is repeated, in alternating order (default: 3)
  --json FILE       write every figure of every run to FILE
  --help            print this`;

/** Parses the command line; undefined when help was asked for. Throws an Error with a sentence when it is wrong. */
export function parseIngestOptions(args: readonly string[]): IngestOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      servers: { type: 'string', default: 'headwater,node-media-server,nginx-rtmp,srs,mediamtx' },
      publishers: { type: 'string', default: '500' },
      seconds: { type: 'string', default: '10' },
      pairs: { type: 'string', default: '3' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    servers: values.servers.split(','),
    publishers: parseCount('publishers', values.publishers),
    seconds: parseCount('seconds', values.seconds),
    pairs: parseCount('pairs', values.pairs),
    jsonFile: values.json,
  };
}

function parseCount(name: string, text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new Error(`--${name}: "${text}" is no whole number above 0`);
}
