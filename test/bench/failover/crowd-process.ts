// Thousands of tiny publishers and some viewers in a process of their own: the load of the many-streams section.
import { setTimeout as delay } from 'node:timers/promises';
import { type CrowdCommand, crowdStream, type CrowdState, type CrowdTarget } from './crowd-messages.ts';
import { crowdFramePeriodMs, CrowdPublisher } from './crowd-publisher.ts';
import { CrowdViewer } from './crowd-viewer.ts';

/** So many connections are opened at once, with a pause between two groups. */
const groupSize = 10;
const groupPauseMs = 15;
const ticksPerPeriod = 25;
/** A pause that is this much longer than the one between two frames is told of. */
const notableMs = 1_000;

const target = JSON.parse(process.argv[2] ?? '{}') as CrowdTarget;
const publishers: CrowdPublisher[] = [];
const viewers: CrowdViewer[] = [];
let publishing = 0;
const refusals: Record<string, number> = {};
let returnedMs: number[] = [];

async function publish(): Promise<void> {
  for (let index = publishers.length; index < target.streams; index++) {
    publishers.push(
      new CrowdPublisher(crowdStream(index), index, target.origins, {
        started: (awayMs) => {
          publishing++;
          if (awayMs !== undefined) returnedMs.push(awayMs);
        },
        stopped: () => publishing--,
        refused: (why) => {
          refusals[why] = (refusals[why] ?? 0) + 1;
        },
      }),
    );
    if (index % groupSize === 0) await delay(groupPauseMs);
  }
}

async function watch(count: number, streams: number): Promise<void> {
  for (let index = viewers.length; index < count; index++) {
    const edge = target.edges[index % target.edges.length] ?? '';
    viewers.push(new CrowdViewer(edge, crowdStream(index % streams)));
    if (index % groupSize === 0) await delay(groupPauseMs);
  }
}

function report(): CrowdState {
  const gapsMs = viewers
    .map(({ maxPauseMs }) => maxPauseMs)
    .filter((pauseMs) => pauseMs > crowdFramePeriodMs + notableMs);
  const state = {
    publishing,
    refusals,
    watching: viewers.filter(({ isConnected, hasEnded }) => isConnected && !hasEnded).length,
    disconnects: viewers.filter(({ hasEnded }) => hasEnded).length,
    returnedMs,
    gapsMs,
  };
  returnedMs = [];
  for (const viewer of viewers) viewer.mark();
  return state;
}

async function obey(command: CrowdCommand): Promise<void> {
  if (command.do === 'publish') await publish();
  else if (command.do === 'watch') await watch(command.viewers, command.streams);
  process.send?.(report());
}

// Publishers take turns, so that the load is even.
let turn = 0;
setInterval(() => {
  for (let index = turn; index < publishers.length; index += ticksPerPeriod) publishers[index]?.tick();
  turn = (turn + 1) % ticksPerPeriod;
}, crowdFramePeriodMs / ticksPerPeriod);

process.on('message', (command) => void obey(command as CrowdCommand));
process.on('disconnect', () => process.exit());
