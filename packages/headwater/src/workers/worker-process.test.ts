// How a worker ends, with real processes of a few lines.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ManualClock } from '@headwater/contracts/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NamingQuestions, WorkerQuestions } from './worker-messages.ts';
import { WorkerProcess } from './worker-process.ts';

let folder: string;
let clock: ManualClock;
let ends: (string | undefined)[];
let isServing: boolean;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'worker-process-'));
  clock = new ManualClock();
  ends = [];
  isServing = false;
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function run(source: string): WorkerProcess<WorkerQuestions, NamingQuestions> {
  const path = join(folder, 'program.mjs');
  writeFileSync(path, source);
  const program = pathToFileURL(path);
  const nothing = (): undefined => undefined;
  return new WorkerProcess<WorkerQuestions, NamingQuestions>({
    program,
    setup: {},
    clock,
    maxSilentSeconds: 2,
    print: nothing,
    answers: (naming) => naming,
    listener: {
      ready: () => (isServing = true),
      free: nothing,
      connectionLost: nothing,
      gone: (how) => ends.push(how),
    },
  });
}

const serving = "process.on('message', ({ type }) => told(type)); process.send({ type: 'ready' });";

// A process takes its time to start on a busy machine.
const patience = { timeout: 10_000 };

async function untilServing(): Promise<void> {
  await vi.waitFor(() => {
    expect(isServing).toBe(true);
  }, patience);
}

describe('WorkerProcess', { timeout: 20_000 }, () => {
  it('has ended as it was told to when it is stopped before it served', async () => {
    const worker = run('setInterval(() => undefined, 1_000);');
    expect(await worker.stop(0)).toBe(true);
    expect(ends).toEqual([undefined]);
  });

  it('has ended as it was told to when it exits well after it was', async () => {
    const worker = run(`${serving} const told = (type) => type === 'stop' && process.exit(0);`);
    await untilServing();
    expect(await worker.stop(0)).toBe(true);
    expect(ends).toEqual([undefined]);
  });

  it.each([
    ['exits with a fault', "type === 'stop' && process.exit(1)", 'exit code 1'],
    ['does not end', 'undefined', 'stopped too slowly'],
  ])('says how it ended when it %s', async (_what, told, how) => {
    const worker = run(`${serving} const told = (type) => ${told};`);
    await untilServing();
    const stopped = worker.stop(0);
    if (how === 'stopped too slowly') clock.advance(500);
    expect(await stopped).toBe(false);
    expect(ends).toEqual([how]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('says that it stood still when it was ended for that', async () => {
    run(`${serving} const told = () => undefined;`);
    await untilServing();
    for (let second = 1; second <= 3; second++) clock.advance(1_000);
    await vi.waitFor(() => {
      expect(ends).toEqual(['said nothing for 2 s']);
    }, patience);
  });

  it('has not ended as it was told to when it exits before it was', async () => {
    const worker = run('process.exit(0);');
    await vi.waitFor(() => {
      expect(ends).toEqual(['exit code 0']);
    }, patience);
    expect(await worker.stop(0)).toBe(false);
  });
});
