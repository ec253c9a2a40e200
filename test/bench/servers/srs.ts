import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { APP, LOOPBACK, type Contender } from './contender.ts';
import { freePort, waitForPort } from './ports.ts';

/** SRS with its default merging and GOP cache, where the environment variable SRS_BIN names its binary. */
export const srs: Contender = {
  name: 'srs',
  formats: ['rtmp', 'flv'],
  query: '',
  unavailable: () => {
    const program = process.env['SRS_BIN'];
    if (program === undefined) return 'SRS_BIN is not set';
    return existsSync(program) ? undefined : `SRS_BIN: there is no ${program}`;
  },
  start: async ({ directory, launch }) => {
    const ports = { rtmp: await freePort(), flv: await freePort() };
    const config = path.join(directory, 'srs.conf');
    writeFileSync(config, configuration(ports));
    const server = launch({ title: 'srs', command: process.env['SRS_BIN'] ?? '', args: ['-c', config] });
    await waitForPort(server, ports.rtmp);
    await waitForPort(server, ports.flv);
    return { process: server, ports, needsPublisher: true };
  },
};

function configuration({ rtmp, flv }: { readonly rtmp: number; readonly flv: number }): string {
  return `listen ${LOOPBACK}:${String(rtmp)};
daemon off;
max_connections 8192;
srs_log_tank console;
srs_log_level warn;
http_server { enabled on; listen ${LOOPBACK}:${String(flv)}; }
vhost __defaultVhost__ {
  http_remux { enabled on; mount [vhost]/${APP}/[stream].flv; }
}
`;
}
