import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loopLagProbe } from '../measure/loop-lag.ts';
import type { Contender, LatencyClass } from './contender.ts';
import { waitUntil } from './ports.ts';

const program = fileURLToPath(new URL('../../../packages/headwater/dist/main.js', import.meta.url));

interface ReadyFile {
  readonly rtmp: string;
  readonly http: string;
  readonly admin: string;
}

/** A way to run the program, and the class that it then is in. */
export interface HeadwaterVariant {
  readonly name: string;
  /** What viewers ask for. */
  readonly query?: string;
  /** Settings beside the ports. */
  readonly settings?: readonly string[];
  latencyClass(viewers: number): LatencyClass;
}

/** The class that the default settings choose. */
export function defaultLatencyClass(viewers: number): LatencyClass {
  if (viewers < 300) return 'each frame';
  return viewers < 1500 ? '100 ms' : '350 ms';
}

/** Settings that gather frames for one time whatever the number of viewers. */
export function alwaysMerging(merge: string): string[] {
  return ['fanOut.immediateBelowViewers=0', `fanOut.merge=${merge}`, `fanOut.manyMerge=${merge}`];
}

/** The built program with all roles in one process. */
export function headwater(variant: HeadwaterVariant): Contender {
  const { name, query = '', settings = [] } = variant;
  return {
    name,
    formats: ['rtmp', 'flv'],
    query,
    latencyClass: (viewers) => variant.latencyClass(viewers),
    unavailable: () => (existsSync(program) ? undefined : 'headwater is not built'),
    start: async ({ directory, launch }) => {
      const readyFile = path.join(directory, 'ready.json');
      const all = ['rtmp.port=0', 'http.port=0', 'admin.port=0', 'relay.port=0', ...settings];
      const server = launch({
        title: name,
        command: process.execPath,
        args: [
          ...loopLagProbe,
          program,
          'all',
          ...all.flatMap((setting) => ['--set', setting]),
          '--ready-file',
          readyFile,
        ],
      });
      await waitUntil(server, name, () => existsSync(readyFile) && readFileSync(readyFile).length > 0);
      const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as ReadyFile;
      return {
        process: server,
        ports: { rtmp: portOf(ready.rtmp), flv: portOf(ready.http) },
        adminUrl: `http://${ready.admin}`,
        needsPublisher: true,
      };
    },
  };
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
