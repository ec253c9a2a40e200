import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ViewerFormat } from '../load/viewer.ts';
import { APP, LOOPBACK, type Contender, type LatencyClass } from './contender.ts';
import { freePort, waitForPort } from './ports.ts';

/** A way to run SRS, and the class that it then is in. */
export interface SrsVariant {
  readonly name: string;
  readonly formats: readonly ViewerFormat[];
  /** How long it merges writes, with its settings for low latency; undefined: 350 ms, as it comes. */
  readonly mergeMs: number | undefined;
  readonly latencyClass: LatencyClass;
}

/** SRS with its GOP cache, where the environment variable SRS_BIN names its binary. */
export function srs({ name, formats, mergeMs, latencyClass }: SrsVariant): Contender {
  return {
    name,
    formats,
    query: '',
    latencyClass: () => latencyClass,
    unavailable: () => {
      const program = process.env['SRS_BIN'];
      if (program === undefined) return 'SRS_BIN is not set';
      return existsSync(program) ? undefined : `SRS_BIN: there is no ${program}`;
    },
    start: async ({ directory, launch }) => {
      const ports = { rtmp: await freePort(), flv: await freePort() };
      const config = path.join(directory, 'srs.conf');
      writeFileSync(config, configuration(directory, ports, mergeMs));
      const server = launch({ title: name, command: process.env['SRS_BIN'] ?? '', args: ['-c', config] });
      await waitForPort(server, ports.rtmp);
      await waitForPort(server, ports.flv);
      return { process: server, ports, needsPublisher: true };
    },
  };
}

function configuration(
  directory: string,
  { rtmp, flv }: { readonly rtmp: number; readonly flv: number },
  mergeMs: number | undefined,
): string {
  // As its own example for low latency has it, but with the GOP cache, so that viewers join as fast.
  const latency =
    mergeMs === undefined
      ? ''
      : `tcp_nodelay on; min_latency on; play { gop_cache on; mw_latency ${String(mergeMs)}; } publish { mr off; }`;
  return `listen ${LOOPBACK}:${String(rtmp)};
daemon off;
pid ${directory}/srs.pid;
max_connections 8192;
srs_log_tank console;
srs_log_level warn;
http_server { enabled on; listen ${LOOPBACK}:${String(flv)}; }
vhost __defaultVhost__ {
  http_remux { enabled on; mount [vhost]/${APP}/[stream].flv; }
  ${latency}
}
`;
}
