import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { loopLagProbe } from '../measure/loop-lag.ts';
import { nodeArgs } from '../measure/owned-process.ts';
import type { Contender, LatencyClass } from './contender.ts';
import { waitUntil } from './ports.ts';

/**
 * The least that plain Node can do: it makes the stream itself and writes one shared buffer to every HTTP-FLV viewer
 * each `windowMs` (0: each video frame).
 */
export function floor(name: string, windowMs: number, latencyClass: LatencyClass): Contender {
  return {
    name,
    formats: ['flv'],
    query: '',
    latencyClass: () => latencyClass,
    unavailable: () => undefined,
    start: async ({ directory, launch, rate }) => {
      const portFile = path.join(directory, 'port');
      const server = launch({
        title: name,
        command: process.execPath,
        args: [
          ...loopLagProbe,
          ...nodeArgs(new URL('floor-process.ts', import.meta.url), portFile, String(windowMs), rate),
        ],
      });
      await waitUntil(server, name, () => existsSync(portFile) && readFileSync(portFile).length > 0);
      const port = Number(readFileSync(portFile, 'utf8'));
      return { process: server, ports: { flv: port }, needsPublisher: false };
    },
  };
}
