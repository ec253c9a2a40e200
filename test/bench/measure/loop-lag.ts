// How late the event loops of a measured Node server are, as `loop-lag-probe.mjs` in its processes tells.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ANSWER_MS = 2_000;
const POLL_MS = 10;

/** What a Node server is started with so that `readLoopLagMs` can ask it. */
export const loopLagProbe: readonly string[] = [
  '--import',
  new URL('loop-lag-probe.mjs', import.meta.url).href,
];

interface Answer {
  readonly writes: number;
  readonly p99Ms: number;
}

/**
 * Milliseconds that 99 % of timers were no later than since the last call, in the process of the tree where that is worst;
 * `directory` is their working directory. NaN when no process there has the probe.
 */
export async function readLoopLagMs(directory: string): Promise<number> {
  const files = readdirSync(directory).filter((name) => /^loop-lag-\d+\.json$/.test(name));
  const answers = await Promise.all(files.map((name) => ask(path.join(directory, name))));
  return answers.length === 0 ? Number.NaN : Math.max(...answers);
}

async function ask(file: string): Promise<number> {
  const before = read(file);
  process.kill(Number(/(\d+)\.json$/.exec(file)?.[1]), 'SIGUSR2');
  const deadline = performance.now() + ANSWER_MS;
  while (performance.now() < deadline) {
    const answer = read(file);
    if (answer.writes > before.writes) return answer.p99Ms;
    await sleep(POLL_MS);
  }
  // So late that it does not even answer.
  return ANSWER_MS;
}

function read(file: string): Answer {
  return JSON.parse(readFileSync(file, 'utf8')) as Answer;
}
