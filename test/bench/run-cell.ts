// One measurement: one server, one format, from its start to its end.
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from './bench-options.ts';
import { type CellResult, summarise, type Usages } from './cell-result.ts';
import type { JoinReport, WindowReport } from './load/fleet-stats.ts';
import { startPublisher, ViewerProcesses } from './load/load-processes.ts';
import type { ViewerFormat } from './load/viewer.ts';
import type { CorePlan } from './measure/machine.ts';
import { readLoopLagMs } from './measure/loop-lag.ts';
import type { OwnedProcess } from './measure/owned-process.ts';
import { coreBusySeconds, usageOf } from './measure/process-usage.ts';
import { APP, LOOPBACK, STREAM, type Contender } from './servers/contender.ts';
import { withServer, type MeasuredServer } from './servers/with-server.ts';

/** More than one GOP, so that a GOP cache is full when viewers come. */
const WARM_UP_MS = 2_600;
/** From the first joins to the further ones: their first bursts are delivered by then. */
const SETTLE_MS = 1_500;

/** The part of the viewers that joins first, so that memory of a loaded server and of each further viewer tell apart. */
const FIRST_SHARE = 0.2;

/** What is measured, and with what. */
export interface Cell {
  readonly contender: Contender;
  readonly format: ViewerFormat;
  readonly options: BenchOptions;
  readonly cores: CorePlan;
}

/** Runs the measurement; leaves no process and no file behind, also when it fails. */
export async function runCell(cell: Cell): Promise<CellResult> {
  const { contender, cores, options } = cell;
  return withServer({ contender, rate: options.rate, cores }, async (measured) => measure(cell, measured));
}

async function measure(cell: Cell, { server, directory, own }: MeasuredServer): Promise<CellResult> {
  const { contender, format, options, cores } = cell;
  const port = server.ports[format];
  if (port === undefined) throw new Error(`${contender.name} serves no ${format}`);
  const where = { host: LOOPBACK, app: APP, name: STREAM, rate: options.rate };
  const target = { ...where, port, format, query: contender.query };
  const viewers = own(new ViewerProcesses(target, options.generators, cores.load));
  await viewers.ready();
  const running = [server.process];
  if (server.needsPublisher) {
    const publishPort = server.publishPort ?? server.ports.rtmp ?? 0;
    running.push(own(await startPublisher({ ...where, port: publishPort }, cores.load)));
  }
  await server.process.orDeath(sleep(WARM_UP_MS));
  const measuring = measureViewers(cell, server.process, viewers, directory);
  const [join, window, usages] = await running.reduce((result, owned) => owned.orDeath(result), measuring);
  return summarise({ contender, format, options, join, window, usages });
}

async function measureViewers(
  { options, cores }: Cell,
  server: OwnedProcess,
  viewers: ViewerProcesses,
  directory: string,
): Promise<[JoinReport, WindowReport, Usages]> {
  const idle = usageOf(server.pid);
  const first = Math.ceil(options.viewers * FIRST_SHARE);
  await viewers.join(first, options.joinsPerSecond);
  await sleep(SETTLE_MS);
  const some = { viewers: first, usage: usageOf(server.pid) };
  const join = await viewers.join(options.viewers - first, options.joinsPerSecond);
  await sleep(options.warmUpSeconds * 1000);
  await readLoopLagMs(directory);
  await viewers.begin();
  const before = usageOf(server.pid);
  const busyBefore = coreBusySeconds(cores.server ?? 0);
  await sleep(options.seconds * 1000);
  const after = usageOf(server.pid);
  const busySeconds = coreBusySeconds(cores.server ?? 0) - busyBefore;
  const window = await viewers.end();
  const loopLagP99Ms = await readLoopLagMs(directory);
  return [join, window, { idle, some, before, after, busySeconds, loopLagP99Ms }];
}
