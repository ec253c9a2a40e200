// `headwater all|origin|edge|controller|router`: from configuration to a node, and from a signal to a clean end.
import { randomUUID } from 'node:crypto';
import { ConfigError, type Config } from '@headwater/contracts';
import type { NodeRole } from '@headwater/cluster';
import { accessPolicyOf } from '../access/access-policy-of.ts';
import { BoundAddresses } from '../bound-addresses.ts';
import { loadConfig } from '../config/load-config.ts';
import { ConnectionGate } from '../connection-gate.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { NodeContext } from '../node-context.ts';
import { Node } from '../node.ts';
import { hostParts } from '../origins/host-parts.ts';
import { originCount } from '../origins/origin-count.ts';
import { openProgramLog, type ProgramLog } from '../program-log.ts';
import { programVersion } from '../program-version.ts';
import { PrometheusMetrics } from '../prometheus-metrics.ts';
import { ReadyFile, type ReadyInfo } from '../ready-file.ts';
import { nodeParts } from '../roles/node-parts.ts';
import { StopSignals } from '../stop-signals.ts';
import { SystemClock } from '../system-clock.ts';
import { bannerText } from './banner.ts';

/** What the command runs as. */
export type RunRole = 'all' | NodeRole;

// A controller only has something to do where there are several processes.
function rolesOf(role: RunRole, config: Config): readonly NodeRole[] {
  if (role !== 'all') return [role];
  const everywhere: readonly NodeRole[] = ['origin', 'edge', 'router'];
  return config.registry.redis === undefined ? everywhere : [...everywhere, 'controller'];
}

/** A role by itself finds no other in its own memory. Throws `ConfigError`. */
function refuseAlone(role: RunRole): void {
  if (role === 'all') return;
  const expected = `redis, as \`headwater ${role}\` works together with other processes`;
  throw new ConfigError([{ key: 'registry.kind', value: '"embedded"', expected }]);
}

/** Options of the command. */
export interface RunNodeOptions {
  readonly config?: string;
  readonly set: readonly string[];
  readonly readyFile?: string;
}

/** Runs a node until a signal ends it; resolves with the exit code. Rejects when it cannot start. */
export async function runNode(role: RunRole, options: RunNodeOptions): Promise<number> {
  const { config } = loadConfig({ file: options.config, env: process.env, set: options.set });
  if (config.registry.redis === undefined) refuseAlone(role);
  const readyFile = options.readyFile === undefined ? undefined : new ReadyFile(options.readyFile);
  const log = await openProgramLog({ ...config.log, fields: { nodeId: config.node.id } });
  endOnFaults(log);
  const signals = new StopSignals(() => {
    log.error({}, 'second signal: ending without a clean stop');
    void exitWhenDrained(log, exitCode.fault);
  });
  const context = createContext(config, rolesOf(role, config), log);
  const origins = originCount(config, context.roles);
  const node = new Node(context, origins === 0 ? nodeParts(context) : hostParts(context, origins));
  const stopped = signals.first.then(async (signal) => {
    log.info({ signal }, 'signal received');
    readyFile?.remove();
    await node.drain(config.node.drainDeadlineMs);
    return node.stop(config.node.stopDeadlineMs);
  });
  try {
    await node.start();
    if (node.state === 'ready') announceReady(context, log, readyFile);
    const isClean = await stopped;
    log.info({ isClean }, 'node stopped');
    // Whatever is still open after a stop must not keep the process.
    return await exitWhenDrained(log, isClean ? exitCode.ok : exitCode.fault);
  } finally {
    signals.close();
  }
}

function createContext(config: Config, roles: readonly NodeRole[], log: ProgramLog): NodeContext {
  const clock = new SystemClock();
  const version = programVersion();
  const metrics = new PrometheusMetrics();
  metrics.measureProcess();
  metrics.measureEventLoop(clock);
  const build = {
    name: 'headwater_build_info',
    help: 'Always 1; the version is in the label.',
    labels: ['version'],
  };
  metrics.gauge(build).set(1, { version });
  return {
    config,
    roles,
    node: { nodeId: config.node.id, incarnation: randomUUID() },
    version,
    startedAtMs: clock.wallMs(),
    clock,
    logger: log,
    metrics,
    access: accessPolicyOf(config.access),
    gate: new ConnectionGate(config.limits, clock),
    print: (text) => log.print(text),
    addresses: new BoundAddresses(),
  };
}

function announceReady(context: NodeContext, log: ProgramLog, readyFile: ReadyFile | undefined): void {
  const addresses = context.addresses.all();
  const { roles, version } = context;
  const ready: ReadyInfo = { pid: process.pid, nodeId: context.node.nodeId, roles, ...addresses };
  readyFile?.write(ready);
  log.announce({ ready, version }, 'node is ready');
  if (process.stdout.isTTY) log.print(bannerText({ addresses, config: context.config, roles }));
}

/** What nobody caught is a fault of ours: it is logged and ends the process, as its state is not to be trusted. */
function endOnFaults(log: ProgramLog): void {
  const end = (error: unknown, what: string): void => {
    log.fatal({ err: error }, what);
    void exitWhenDrained(log, exitCode.fault);
  };
  process.on('uncaughtException', (error) => end(error, 'uncaught exception'));
  process.on('unhandledRejection', (error) => end(error, 'unhandled rejection'));
}

async function exitWhenDrained(log: ProgramLog, code: ExitCode): Promise<never> {
  await log.drained();
  return process.exit(code);
}
