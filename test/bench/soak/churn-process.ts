// `churn-process.ts CHURN-JSON`: keeps a number of viewers watching, of whom the one that came first leaves and another
// joins again and again, and some that never read. Ends with its IPC channel.
import net from 'node:net';
import { FleetStats } from '../load/fleet-stats.ts';
import { Viewer, type ViewerTarget } from '../load/viewer.ts';
import type { ChurnReport } from './churn-report.ts';

/** What this process does. */
export interface Churn {
  readonly targets: readonly ViewerTarget[];
  readonly viewers: number;
  readonly joinsPerSecond: number;
  readonly slowViewers: number;
}

// Long enough to fill the kernel's buffers and then to be disconnected.
const SLOW_VIEWER_MS = 60_000;

const churn = JSON.parse(process.argv[2] ?? '') as Churn;
const stats = new FleetStats();
const viewers: Viewer[] = [];
let joins = 0;

function join(): void {
  const target = churn.targets[joins % churn.targets.length];
  joins += 1;
  if (target !== undefined) viewers.push(new Viewer(target, stats));
  if (viewers.length > churn.viewers) viewers.shift()?.leave();
}

function joinSlowly(): void {
  const target = churn.targets.find(({ format }) => format === 'flv');
  if (target === undefined) return;
  const { host, port, app, name } = target;
  const socket = net.connect({ host, port }).pause();
  socket.on('error', () => undefined);
  socket.write(`GET /${app}/${name}.flv HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  setTimeout(() => {
    socket.destroy();
    joinSlowly();
  }, SLOW_VIEWER_MS);
}

setInterval(join, 1000 / churn.joinsPerSecond);
for (let index = 0; index < churn.slowViewers; index += 1) {
  setTimeout(joinSlowly, (index * SLOW_VIEWER_MS) / churn.slowViewers);
}
setInterval(() => {
  const failed = [...stats.failures.values()].reduce((sum, count) => sum + count, 0);
  const report: ChurnReport = { joined: stats.joined, failed, disconnects: stats.disconnects };
  process.send?.(report);
}, 1_000);
process.on('disconnect', () => process.exit(0));
