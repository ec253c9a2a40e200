import { parseArgs } from 'node:util';
import { streamShapes, type StreamRate } from './load/synthetic-stream.ts';
import type { ViewerFormat } from './load/viewer.ts';

/** What is to be measured. */
export interface BenchOptions {
  readonly servers: readonly string[];
  readonly formats: readonly ViewerFormat[];
  readonly rate: StreamRate;
  readonly viewers: number;
  /** From the last join to the measuring window. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly joinsPerSecond: number;
  readonly pairs: number;
  readonly generators: number;
  readonly jsonFile: string | undefined;
}

/** How to call the bench. */
export const USAGE = `Usage: pnpm bench [options]
  --servers LIST    of headwater, headwater-low, headwater-100, headwater-350, headwater-edge-low, headwater-edge-100,
                    headwater-edge-350, node-media-server, nginx-rtmp, srs-frame, srs-100, srs, mediamtx,
                    floor-frame, floor-100, floor-200, floor-350
                    (default: headwater,node-media-server,floor-frame,floor-100,floor-350)
  --formats LIST    of rtmp, flv (default: both)
  --rate RATE       stream of 500k, 1m (1.08 Mbit/s) or 6m (default: 1m)
  --viewers N       viewers at the same time (default: 500)
  --warm-up N       seconds from the last join to the measuring window (default: 2)
  --seconds N       length of the measuring window (default: 8)
  --joins N         viewers joining each second (default: 200)
  --pairs N         how often each combination is repeated, in alternating order (default: 3)
  --generators N    viewer processes (default: 1)
  --json FILE       write every figure of every run to FILE
  --help            print this`;

/** Parses the command line; undefined when help was asked for. Throws an Error with a sentence when it is wrong. */
export function parseBenchOptions(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      servers: {
        type: 'string',
        default: 'headwater,node-media-server,floor-frame,floor-100,floor-350',
      },
      formats: { type: 'string', default: 'rtmp,flv' },
      rate: { type: 'string', default: '1m' },
      viewers: { type: 'string', default: '500' },
      'warm-up': { type: 'string', default: '2' },
      seconds: { type: 'string', default: '8' },
      joins: { type: 'string', default: '200' },
      pairs: { type: 'string', default: '3' },
      generators: { type: 'string', default: '1' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    servers: values.servers.split(','),
    formats: values.formats.split(',').map(parseFormat),
    rate: parseRate(values.rate),
    viewers: parseCount('viewers', values.viewers),
    warmUpSeconds: parseCount('warm-up', values['warm-up']),
    seconds: parseCount('seconds', values.seconds),
    joinsPerSecond: parseCount('joins', values.joins),
    pairs: parseCount('pairs', values.pairs),
    generators: parseCount('generators', values.generators),
    jsonFile: values.json,
  };
}

/** Throws an Error with a sentence when it is none. */
export function parseFormat(text: string): ViewerFormat {
  if (text === 'rtmp' || text === 'flv') return text;
  throw new Error(`--formats: "${text}" is neither rtmp nor flv`);
}

/** Throws an Error with a sentence when it is none. */
export function parseRate(text: string): StreamRate {
  if (Object.hasOwn(streamShapes, text)) return text as StreamRate;
  throw new Error(`--rate: "${text}" is none of ${Object.keys(streamShapes).join(', ')}`);
}

/** Throws an Error with a sentence when it is none. */
export function parseCount(name: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new Error(`--${name}: "${text}" is no whole number above 0`);
}
