// Runs the abuse cases against a server from the command line and prints one line a case:
//   npx tsx test/abuse/main.ts --server node-media-server [--only 1,2,3] [--json]
//   npx tsx test/abuse/main.ts --server node-media-server --facts
//   npx tsx test/abuse/main.ts --rtmp HOST:PORT [--http HOST:PORT] [--pid PID]
import { parseArgs } from 'node:util';
import type { CaseResult } from './abuse-case.ts';
import { AbuseRunner } from './abuse-runner.ts';
import { abuseCases } from './cases/index.ts';
import { askFact, facts } from './facts.ts';
import { guardedQuery, launchGuardedHeadwater, launchHeadwater, parseAddress } from './headwater.ts';
import { launchNodeMediaServer, signedQuery } from './node-media-server.ts';
import { residentMiB } from './process-watch.ts';
import { defaultBounds, type LaunchServer, type RunningServer } from './server.ts';

const peerSecret = 'peer-secret';
const { values } = parseArgs({
  options: {
    server: { type: 'string', default: 'headwater' },
    only: { type: 'string' },
    facts: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    rtmp: { type: 'string' },
    http: { type: 'string' },
    pid: { type: 'string' },
  },
});

if (values.facts) await answerFacts();
else await runCases();

async function runCases(): Promise<void> {
  const runner = new AbuseRunner(launcher());
  const wanted = new Set(values.only?.split(',').map(Number));
  const results: CaseResult[] = [];
  for (const abuse of abuseCases) {
    if (wanted.size > 0 && !wanted.has(abuse.number)) continue;
    if (!(await runner.applies(abuse))) {
      print(`${abuse.number}\tnot applicable\t${abuse.title}`);
      continue;
    }
    const result = await runner.runCase(abuse);
    results.push(result);
    print(line(result));
  }
  await runner.stop();
  const failed = results.filter((result) => result.failures.length > 0);
  const deaths = results.filter((result) => result.hasDied);
  print(`${results.length} cases, ${failed.length} failed, ${deaths.length} ended the process`);
  process.exit(failed.length > 0 ? 1 : 0);
}

async function answerFacts(): Promise<void> {
  const isOurs = values.server === 'headwater';
  for (const fact of facts) {
    const launch =
      fact.needsGuard === true ? (isOurs ? launchGuardedHeadwater : launchGuardedPeer) : launcher();
    const server = await launch();
    const query = fact.needsGuard !== true ? '' : isOurs ? guardedQuery : signedQuery('guarded', peerSecret);
    const answer = await askFact(fact, server.target, query);
    await server.stop();
    print(`${answer.isGood ? 'good' : 'BAD'}\t${fact.question} ${answer.seen}`);
  }
  process.exit();
}

async function launchGuardedPeer(): Promise<RunningServer> {
  return launchNodeMediaServer({ authSecret: peerSecret });
}

function line(result: CaseResult): string {
  if (values.json) return JSON.stringify(result);
  const verdict = result.hasDied ? 'DIED' : result.failures.length > 0 ? 'FAILED' : 'ok';
  const cost = `${(result.durationMs / 1000).toFixed(1)} s, +${result.memoryGrowthMiB} MiB`;
  const reasons = [...result.failures, ...(result.exception === undefined ? [] : [result.exception])];
  return [
    `${result.number}\t${verdict}\t${result.title} (${cost})`,
    ...reasons.map((reason) => `\t\t${reason}`),
  ].join('\n');
}

function launcher(): LaunchServer {
  if (values.rtmp === undefined) {
    return values.server === 'node-media-server'
      ? async () => launchNodeMediaServer()
      : async () => launchHeadwater();
  }
  const rtmp = parseAddress(values.rtmp);
  const http = values.http === undefined ? {} : { http: parseAddress(values.http) };
  const pid = values.pid === undefined ? {} : { pid: Number(values.pid) };
  const target = { rtmp, ...http, ...pid, app: 'live', bounds: defaultBounds };
  // A server that was started elsewhere cannot be restarted: what follows its death fails.
  return async () =>
    Promise.resolve({
      target,
      isAlive: () => pid.pid === undefined || residentMiB(pid.pid) !== undefined,
      lastOutput: () => '',
      stop: async () => undefined,
    });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
