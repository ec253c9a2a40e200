import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { loopLagProbe } from '../measure/loop-lag.ts';
import { LOOPBACK, type Contender } from './contender.ts';
import { freePort, waitForPort } from './ports.ts';

const program = fileURLToPath(new URL('../../../node_modules/node-media-server/bin/app.js', import.meta.url));

/** node-media-server as its package ships it: GOP cache on, no recording, no authorisation. */
export const nodeMediaServer: Contender = {
  name: 'node-media-server',
  formats: ['rtmp', 'flv'],
  query: '',
  latencyClass: () => 'each frame',
  unavailable: () => (existsSync(program) ? undefined : 'the npm package node-media-server is not installed'),
  start: async ({ directory, launch }) => {
    const ports = { rtmp: await freePort(), flv: await freePort() };
    const config = path.join(directory, 'config.json');
    writeFileSync(
      config,
      JSON.stringify({
        bind: LOOPBACK,
        rtmp: { port: ports.rtmp },
        http: { port: ports.flv },
        store: { path: path.join(directory, 'data') },
        webadmin: { enable: false },
      }),
    );
    const server = launch({
      title: 'node-media-server',
      command: process.execPath,
      args: [...loopLagProbe, program, '--config', config],
    });
    await waitForPort(server, ports.rtmp);
    await waitForPort(server, ports.flv);
    return { process: server, ports, needsPublisher: true };
  },
};
