import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Contender } from './contender.ts';
import { waitUntil } from './ports.ts';

const program = fileURLToPath(new URL('../../../packages/headwater/dist/main.js', import.meta.url));

interface ReadyFile {
  readonly rtmp: string;
  readonly http: string;
}

/** The built program with all roles in one process; `query` is what its viewers ask for. */
export function headwater(name: string, query: string): Contender {
  return {
    name,
    formats: ['rtmp', 'flv'],
    query,
    unavailable: () => (existsSync(program) ? undefined : 'headwater is not built'),
    start: async ({ directory, launch }) => {
      const readyFile = path.join(directory, 'ready.json');
      const ports = ['rtmp.port=0', 'http.port=0', 'admin.port=0', 'relay.port=0'];
      const server = launch({
        title: name,
        command: process.execPath,
        args: [program, 'all', ...ports.flatMap((port) => ['--set', port]), '--ready-file', readyFile],
      });
      await waitUntil(server, name, () => existsSync(readyFile) && readFileSync(readyFile).length > 0);
      const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as ReadyFile;
      return {
        process: server,
        ports: { rtmp: portOf(ready.rtmp), flv: portOf(ready.http) },
        needsPublisher: true,
      };
    },
  };
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
