import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { APP, LOOPBACK, type Contender } from './contender.ts';
import { freePort, waitForPort } from './ports.ts';

const PROGRAM = '/usr/sbin/nginx';
const MODULE = '/usr/lib/nginx/modules/ngx_rtmp_module.so';

/** nginx with the RTMP module of Debian's libnginx-mod-rtmp, where installed; one worker. */
export const nginxRtmp: Contender = {
  name: 'nginx-rtmp',
  formats: ['rtmp'],
  query: '',
  latencyClass: () => 'each frame',
  unavailable: () =>
    existsSync(PROGRAM) && existsSync(MODULE) ? undefined : 'nginx or its RTMP module is not installed',
  start: async ({ directory, launch }) => {
    const port = await freePort();
    const config = path.join(directory, 'nginx.conf');
    writeFileSync(config, configuration(directory, port));
    const server = launch({
      title: 'nginx-rtmp',
      command: PROGRAM,
      args: ['-p', directory, '-e', path.join(directory, 'error.log'), '-c', config],
    });
    await waitForPort(server, port);
    return { process: server, ports: { rtmp: port }, needsPublisher: true };
  },
};

function configuration(directory: string, port: number): string {
  return `load_module ${MODULE};
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log warn;
events { worker_connections 8192; }
rtmp {
  access_log off;
  server {
    listen ${LOOPBACK}:${String(port)};
    chunk_size 4096;
    application ${APP} { live on; }
  }
}
`;
}
