// Runs cases one after the other against one server, with a good stream beside them all the time. After a death, or
// after a case that broke the good stream, both start afresh, so that the next case is judged for itself.
import { complaintsOf, GoodStream } from '../support/good-stream.ts';
import type { AbuseCase, CaseResult } from './abuse-case.ts';
import { Attack, goodStreamName } from './attack.ts';
import { MemoryWatch, openDescriptors } from './process-watch.ts';
import { elapsed } from './raw-connection.ts';
import { RtmpPeer } from './rtmp-peer.ts';
import type { LaunchServer, RunningServer } from './server.ts';

/** Growth that any case may cause: a collector that has not run yet. */
const defaultMemoryMiB = 96;

/** Descriptors that may be opened lazily and stay: a channel between roles, a log file. */
const descriptorSlack = 4;
const descriptorsBackMs = 5000;
/** Hold and linger of the server under attack are shorter. */
const releasedMs = 8000;
/** The good stream itself, its publisher and its two viewers. */
const listedOfGoodStream = 4;
const caseDeadlineMs = 90_000;

/** Holds the server and the good stream, and runs cases. */
export class AbuseRunner {
  readonly #launch: LaunchServer;
  #server: RunningServer | undefined;
  #good: GoodStream | undefined;

  constructor(launch: LaunchServer) {
    this.#launch = launch;
  }

  /** Starts server and good stream. `runCase` does it too where needed. */
  async start(): Promise<RunningServer> {
    if (this.#server?.isAlive() !== true) {
      await this.#stopGood();
      await this.#server?.stop();
      this.#server = await this.#launch();
    }
    if (this.#good === undefined) {
      const { rtmp, http, app } = this.#server.target;
      const flv = http === undefined ? {} : { http };
      this.#good = await GoodStream.start({ rtmp, ...flv, app, name: goodStreamName });
    }
    return this.#server;
  }

  async stop(): Promise<void> {
    await this.#stopGood();
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** True when the server has the listeners that the case needs. */
  async applies(abuse: AbuseCase): Promise<boolean> {
    const { target } = await this.start();
    return (abuse.expect.needs ?? []).every((need) => target[need] !== undefined);
  }

  /** Runs one case and judges it. Never throws for what the server does. */
  async runCase(abuse: AbuseCase): Promise<CaseResult> {
    const server = await this.start();
    const { pid } = server.target;
    const descriptors = pid === undefined ? undefined : openDescriptors(pid);
    const memory = pid === undefined ? undefined : new MemoryWatch(pid);
    this.#good?.mark();
    const startedAtMs = performance.now();
    const attack = new Attack(server.target);
    await runBounded(abuse, attack);
    attack.cleanUp();
    const complaints = await this.#settle(server, abuse);
    const memoryGrowthMiB = Math.round(memory?.stop() ?? 0);
    const hasDied = !server.isAlive();
    if (!hasDied && descriptors !== undefined) await checkDescriptors(attack, pid ?? 0, descriptors);
    if (!hasDied && complaints.length === 0) await checkReleased(attack, server);
    const memoryBound = abuse.expect.memoryMiB ?? defaultMemoryMiB;
    attack.check(
      memoryGrowthMiB <= memoryBound,
      `memory grew by ${memoryGrowthMiB} MiB (bound ${memoryBound})`,
    );
    const failures = hasDied ? ['the process ended'] : [...attack.failures, ...complaints];
    return {
      number: abuse.number,
      title: abuse.title,
      failures,
      hasDied,
      ...(hasDied ? { exception: exceptionIn(server.lastOutput()) } : {}),
      memoryGrowthMiB,
      durationMs: Math.round(performance.now() - startedAtMs),
    };
  }

  /** Lets the effects of the attack show, then asks the good viewers. Replaces a good stream that was broken. */
  async #settle(server: RunningServer, abuse: AbuseCase): Promise<string[]> {
    await elapsed(500);
    if (!server.isAlive()) {
      await this.#stopGood();
      return [];
    }
    const complaints =
      (await this.#good?.report().then((seen) => complaintsOf(seen, abuse.expect.maxGapMs))) ?? [];
    if (!(await answersNewcomers(server))) complaints.push('a new client was not answered within 5 s');
    if (complaints.length === 0) return [];
    complaints.push(...saidAboutGood(server.lastOutput()));
    await this.#replace(server);
    return complaints;
  }

  async #replace(server: RunningServer): Promise<void> {
    await this.#stopGood();
    if (await answersNewcomers(server)) await elapsed(3000);
    else await server.stop();
  }

  async #stopGood(): Promise<void> {
    await this.#good?.stop();
    this.#good = undefined;
  }
}

async function runBounded(abuse: AbuseCase, attack: Attack): Promise<void> {
  const run = abuse.run(attack).catch((error: unknown) => attack.check(false, String(error)));
  const late = elapsed(caseDeadlineMs).then(() => attack.check(false, 'the case did not end in time'));
  await Promise.race([run, late]);
}

async function answersNewcomers(server: RunningServer): Promise<boolean> {
  const peer = await RtmpPeer.open(server.target.rtmp).catch(() => undefined);
  const isAnswered = (await peer?.connect(server.target.app)) ?? false;
  peer?.connection.reset();
  return isAnswered;
}

async function checkDescriptors(attack: Attack, pid: number, before: number): Promise<void> {
  const deadline = performance.now() + descriptorsBackMs;
  let left = (openDescriptors(pid) ?? before) - before;
  while (left > descriptorSlack && performance.now() < deadline) {
    await elapsed(100);
    left = (openDescriptors(pid) ?? before) - before;
  }
  attack.check(left <= descriptorSlack, `${left} descriptors were still open ${descriptorsBackMs} ms later`);
}

/** Everything that attackers opened or named must be gone; the good stream's own sessions stay. */
async function checkReleased(attack: Attack, server: RunningServer): Promise<void> {
  if (server.listed === undefined) return;
  const deadline = performance.now() + releasedMs;
  const good = `${server.target.app}/${goodStreamName}`;
  let left: string[];
  do {
    await elapsed(50);
    const listed = await server.listed();
    const [others, own] = [
      listed.filter((item) => !item.includes(good)),
      listed.filter((item) => item.includes(good)),
    ];
    left = [...others, ...own.slice(listedOfGoodStream)];
  } while (left.length > 0 && performance.now() < deadline);
  const some = left.slice(0, 3).join(', ');
  attack.check(
    left.length === 0,
    `${left.length} streams and sessions were left ${releasedMs} ms later: ${some}`,
  );
}

/** What the server logged last about the good stream's sessions that ended. */
function saidAboutGood(output: string): string[] {
  const lines = output
    .split('\n')
    .filter((line) => line.includes(`/${goodStreamName}"`) && line.includes('closed'));
  return lines.slice(-6).map((line) => `log: ${line}`);
}

function exceptionIn(output: string): string {
  const lines = output
    .split('\n')
    .filter((line) => /^\s*(\w*Error\b.*:|.*FATAL ERROR|.*Uncaught)/.test(line));
  return lines.at(-1)?.trim().slice(0, 200) ?? 'no exception was printed';
}
