// `pnpm bench:slow`: what viewers that stop reading cost in memory until they are disconnected. See docs/benchmarks.md.
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseCount, parseRate } from '../bench-options.ts';
import { startPublisher } from '../load/load-processes.ts';
import { planCores } from '../measure/machine.ts';
import { usageOf } from '../measure/process-usage.ts';
import { unsentBytes } from '../measure/socket-queues.ts';
import { renderTable } from '../report.ts';
import { runProgram } from '../run-program.ts';
import { say } from '../run-rounds.ts';
import { APP, LOOPBACK, STREAM, type RunningServer } from '../servers/contender.ts';
import { contender } from '../servers/contenders.ts';
import { withServer, type ServerPlan } from '../servers/with-server.ts';
import { readNodeMemory } from '../soak/node-memory.ts';

const USAGE = `Usage: pnpm bench:slow [options]
  --rate RATE       stream of 500k, 1m or 6m (default: 6m)
  --viewers LIST    how many stop reading, each time anew (default: 50,200,800)
  --help            print this`;

const SETTLE_MS = 3_000;
/** They stop at different moments of so long a time. */
const SPREAD_MS = 2_000;
const SAMPLE_MS = 250;
const MOST_MS = 120_000;

type Memory = Readonly<Record<'resident' | 'heap' | 'external' | 'kernel', number>>;

async function memoryOf(server: RunningServer): Promise<Memory> {
  return {
    resident: usageOf(server.process.pid).residentBytes,
    ...(await readNodeMemory(server.adminUrl ?? '')),
    kernel: unsentBytes(server.ports.flv ?? 0),
  };
}

function watch(port: number): net.Socket {
  const socket = net.connect({ host: LOOPBACK, port });
  socket.on('error', () => undefined).resume();
  socket.write(`GET /${APP}/${STREAM}.flv HTTP/1.1\r\nHost: ${LOOPBACK}\r\n\r\n`);
  return socket;
}

/** The growth of the node's memory by its viewers once all read no more, at most. */
async function measure(plan: ServerPlan, viewers: number): Promise<Memory> {
  return withServer(plan, async ({ server, own }) => {
    const port = server.ports.flv ?? 0;
    const where = { host: LOOPBACK, app: APP, name: STREAM, rate: plan.rate };
    own(await startPublisher({ ...where, port: server.ports.rtmp ?? 0 }, plan.cores.load));
    const sockets = Array.from({ length: viewers }, () => watch(port));
    own({
      stop: async () => {
        for (const socket of sockets) socket.destroy();
        return Promise.resolve();
      },
    });
    await sleep(SETTLE_MS);
    const before = await memoryOf(server);
    for (const [index, socket] of sockets.entries()) {
      setTimeout(() => socket.pause(), (index * SPREAD_MS) / viewers);
    }
    const peak = { ...before };
    const endMs = performance.now() + MOST_MS;
    while ((await viewersOf(server)) > 0) {
      if (performance.now() > endMs) throw new Error('viewers that do not read are not disconnected');
      const now = await memoryOf(server);
      for (const kind of Object.keys(peak) as (keyof Memory)[]) peak[kind] = Math.max(peak[kind], now[kind]);
      await server.process.orDeath(sleep(SAMPLE_MS));
    }
    const grown = Object.entries(peak).map(([kind, bytes]) => [kind, bytes - before[kind as keyof Memory]]);
    return Object.fromEntries(grown) as Memory;
  });
}

async function viewersOf(server: RunningServer): Promise<number> {
  const response = await fetch(`${server.adminUrl ?? ''}/metrics`);
  const counted = /^headwater_viewers\{protocol="http-flv"\} (\d+)$/m.exec(await response.text());
  return Number(counted?.[1] ?? 0);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string', default: '6m' },
      viewers: { type: 'string', default: '50,200,800' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    return;
  }
  const plan = { contender: contender('headwater'), rate: parseRate(values.rate), cores: planCores() };
  const rows = [['viewers that stop', 'kB each: resident', 'heap', 'external', "kernel's queues"]];
  for (const viewers of values.viewers.split(',').map((text) => parseCount('viewers', text))) {
    const { resident, heap, external, kernel } = await measure(plan, viewers);
    const each = [resident, heap, external, kernel].map((bytes) => (bytes / 1000 / viewers).toFixed(1));
    rows.push([String(viewers), ...each]);
    say(`${String(viewers)}: ${each.join(', ')} kB each`);
  }
  process.stdout.write(`${renderTable(rows)}\n`);
}

runProgram(main);
