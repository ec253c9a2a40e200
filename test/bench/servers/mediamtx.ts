import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LOOPBACK, type Contender } from './contender.ts';
import { freePort, waitForPort } from './ports.ts';

/** MediaMTX with nothing but RTMP, where the environment variable MEDIAMTX_BIN names its binary. */
export const mediamtx: Contender = {
  name: 'mediamtx',
  formats: ['rtmp'],
  query: '',
  latencyClass: () => 'each frame',
  unavailable: () => {
    const program = process.env['MEDIAMTX_BIN'];
    if (program === undefined) return 'MEDIAMTX_BIN is not set';
    return existsSync(program) ? undefined : `MEDIAMTX_BIN: there is no ${program}`;
  },
  start: async ({ directory, launch }) => {
    const port = await freePort();
    const config = path.join(directory, 'mediamtx.yml');
    writeFileSync(config, configuration(port));
    const server = launch({ title: 'mediamtx', command: process.env['MEDIAMTX_BIN'] ?? '', args: [config] });
    await waitForPort(server, port);
    return { process: server, ports: { rtmp: port }, needsPublisher: true };
  },
};

function configuration(port: number): string {
  return `logLevel: warn
rtmp: yes
rtmpAddress: ${LOOPBACK}:${String(port)}
rtsp: no
hls: no
webrtc: no
srt: no
paths:
  all_others:
`;
}
