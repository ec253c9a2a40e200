// `pnpm bench:soak`: one server under constant load for a long time. Memory that grows is a fault. See docs/benchmarks.md.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startPublisher } from '../load/load-processes.ts';
import type { ViewerTarget } from '../load/viewer.ts';
import { planCores } from '../measure/machine.ts';
import { nodeArgs, OwnedProcess } from '../measure/owned-process.ts';
import { usageOf } from '../measure/process-usage.ts';
import { renderTable } from '../report.ts';
import { runProgram } from '../run-program.ts';
import { say } from '../run-rounds.ts';
import { APP, LOOPBACK, STREAM, type RunningServer } from '../servers/contender.ts';
import { contender } from '../servers/contenders.ts';
import { withServer } from '../servers/with-server.ts';
import type { Churn } from './churn-process.ts';
import { troubleOf, type ChurnReport } from './churn-report.ts';
import { fitLine, isGrowing } from './linear-fit.ts';
import { readNodeMemory } from './node-memory.ts';

const USAGE = `Usage: pnpm bench:soak [options]
  --minutes N       how long (default: 60)
  --viewers N       viewers watching at the same time (default: 200)
  --joins N         viewers that leave and join each second (default: 5)
  --slow N          viewers that never read (default: 10)
  --help            print this`;

const RATE = '1m';
const SAMPLE_MS = 2_000;
/** What is looked at no more: the time in which caches fill and code is compiled. */
const WARM_UP_SHARE = 0.25;

/** Bytes, by kind. */
type Sample = Readonly<Record<string, number>>;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '60' },
      viewers: { type: 'string', default: '200' },
      joins: { type: 'string', default: '5' },
      slow: { type: 'string', default: '10' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    return;
  }
  const load = {
    viewers: Number(values.viewers),
    joinsPerSecond: Number(values.joins),
    slowViewers: Number(values.slow),
  };
  const cores = planCores();
  const plan = { contender: contender('headwater'), rate: RATE, cores } as const;
  const samples = await withServer(plan, async ({ server, own }) => {
    const where = { host: LOOPBACK, app: APP, name: STREAM, rate: RATE } as const;
    own(await startPublisher({ ...where, port: server.ports.rtmp ?? 0 }, cores.load));
    const targets = (['rtmp', 'flv'] as const).map((format): ViewerTarget => ({
      ...where,
      format,
      query: '',
      port: server.ports[format] ?? 0,
    }));
    const churn = own(startChurn({ ...load, targets }, cores.load));
    return soak(server, churn, Number(values.minutes) * 60_000);
  });
  report(samples);
}

function startChurn(churn: Churn, core: number | undefined): OwnedProcess {
  return new OwnedProcess({
    title: 'churn',
    command: process.execPath,
    args: nodeArgs(new URL('churn-process.ts', import.meta.url), JSON.stringify(churn)),
    core,
    hasIpc: true,
  });
}

async function soak(server: RunningServer, churn: OwnedProcess, forMs: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  let latest: ChurnReport = { joined: 0, failed: 0, disconnects: 0 };
  const endMs = performance.now() + forMs;
  while (performance.now() < endMs) {
    await server.process.orDeath(sleep(SAMPLE_MS));
    latest = (await churn.message()) as ChurnReport;
    const { residentBytes } = usageOf(server.process.pid);
    samples.push({ resident: residentBytes, ...(await readNodeMemory(server.adminUrl ?? '')) });
    if (samples.length % 30 === 0) {
      const { joined, failed, disconnects } = latest;
      say(
        `${String(Math.round((forMs - endMs + performance.now()) / 60_000))} min: ${megabytes(residentBytes)} MB resident; ` +
          `${String(joined)} joined, ${String(failed)} could not, ${String(disconnects)} disconnected`,
      );
    }
  }
  const trouble = troubleOf(latest);
  if (trouble !== undefined) throw new Error(`the load was not constant: ${trouble}`);
  return samples;
}

function report(samples: readonly Sample[]): void {
  const settled = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  const rows = Object.keys(settled[0] ?? {}).map((kind) => {
    const fit = fitLine(settled.map((sample) => sample[kind] ?? Number.NaN));
    const verdict = isGrowing(fit) ? 'grows' : 'steady';
    if (verdict === 'grows') process.exitCode = 1;
    return [kind, megabytes(fit.mean), megabytes(fit.growth), megabytes(fit.noise), verdict];
  });
  if (rows.length === 0) process.exitCode = 1;
  const header = ['memory', 'mean MB', 'growth MB', 'noise MB', ''];
  process.stdout.write(`${renderTable([header, ...rows])}\n`);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

runProgram(main);
