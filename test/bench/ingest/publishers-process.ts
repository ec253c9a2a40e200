// All publishers in one process: `publishers-process.ts TARGET-JSON`, driven over its IPC channel, ends with it.
import { nowUs } from '../measure/monotonic-clock.ts';
import type { PublishersAnswer, PublishersCommand, PublishersTarget } from './ingest-messages.ts';
import { Publisher } from './publisher.ts';

const target = JSON.parse(process.argv[2] ?? '') as PublishersTarget;
const publishers: Publisher[] = [];
let started = 0;
let disconnects = 0;
let isReady = false;
let worstDelayUs = 0;
let before = { bytes: 0, messages: 0, cpu: process.cpuUsage(), atUs: nowUs() };

function answer(message: PublishersAnswer): void {
  process.send?.(message);
}

function openOne(): void {
  const name = `${target.name}-${String(publishers.length)}`;
  const publisher = new Publisher({ ...target, action: 'publish', name }, target.rate, {
    started: () => {
      started += 1;
      if (started < target.publishers) return;
      isReady = true;
      answer({ done: 'published' });
    },
    failed: (reason) => {
      disconnects += 1;
      if (!isReady) answer({ done: 'failed', reason });
    },
  });
  publishers.push(publisher);
}

function sum(value: (publisher: Publisher) => number): number {
  return publishers.reduce((total, publisher) => total + value(publisher), 0);
}

function begin(): void {
  worstDelayUs = 0;
  disconnects = 0;
  before = {
    bytes: sum((one) => one.bytes),
    messages: sum((one) => one.messages),
    cpu: process.cpuUsage(),
    atUs: nowUs(),
  };
  answer({ done: 'begin' });
}

function end(): void {
  const { user, system } = process.cpuUsage(before.cpu);
  const report = {
    bytes: sum((one) => one.bytes) - before.bytes,
    messages: sum((one) => one.messages) - before.messages,
    unsentBytes: sum((one) => one.unsentBytes),
    disconnects,
    ownCpuShare: (user + system) / (nowUs() - before.atUs),
    worstDelayMs: worstDelayUs / 1000,
  };
  answer({ done: 'end', report });
}

process.on('message', (message) => {
  if ((message as PublishersCommand).do === 'begin') begin();
  else end();
});
process.on('disconnect', () => process.exit(0));

const openTimer = setInterval(() => {
  openOne();
  if (publishers.length === target.publishers) clearInterval(openTimer);
}, 1000 / target.startsPerSecond);
// Each publisher began at a moment of its own: with ticks this short their messages stay spread over time.
setInterval(() => {
  for (const publisher of publishers) worstDelayUs = Math.max(worstDelayUs, publisher.sendDue(nowUs()));
}, 1);
