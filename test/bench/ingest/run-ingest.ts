// One measurement: one server with all its publishers, from its start to its end.
import { setTimeout as sleep } from 'node:timers/promises';
import type { CorePlan } from '../measure/machine.ts';
import { nodeArgs, OwnedProcess } from '../measure/owned-process.ts';
import { coreBusySeconds, usageOf } from '../measure/process-usage.ts';
import { unreadBytes } from '../measure/socket-queues.ts';
import { APP, LOOPBACK, STREAM, type Contender, type RunningServer } from '../servers/contender.ts';
import { withServer } from '../servers/with-server.ts';
import type { PublishersAnswer, PublishersTarget } from './ingest-messages.ts';
import type { IngestOptions } from './ingest-options.ts';
import { summariseIngest, type IngestResult, type IngestWindow } from './ingest-result.ts';

const RATE = '500k';
const STARTS_PER_SECOND = 200;
/** More than one GOP after the last publisher has begun. */
const SETTLE_MS = 2_500;

/** Runs the measurement; leaves no process and no file behind, also when it fails. */
export async function runIngest(
  contender: Contender,
  options: IngestOptions,
  cores: CorePlan,
): Promise<IngestResult> {
  return withServer({ contender, rate: RATE, cores }, async ({ server, own }) => {
    const idle = usageOf(server.process.pid);
    const publishers = own(startPublishers(server, options, cores));
    const measured = await server.process.orDeath(measure({ server, publishers, options, cores }));
    return summariseIngest({ server: contender.name, options, idle, ...measured });
  });
}

interface Running {
  readonly server: RunningServer;
  readonly publishers: OwnedProcess;
  readonly options: IngestOptions;
  readonly cores: CorePlan;
}

async function measure({ server, publishers, options, cores }: Running): Promise<IngestWindow> {
  await answerOf(publishers);
  await sleep(SETTLE_MS);
  publishers.send({ do: 'begin' });
  await answerOf(publishers);
  const before = usageOf(server.process.pid);
  const busyBefore = coreBusySeconds(cores.server ?? 0);
  await sleep(options.seconds * 1000);
  const after = usageOf(server.process.pid);
  const busySeconds = coreBusySeconds(cores.server ?? 0) - busyBefore;
  const unread = unreadBytes(server.ports.rtmp ?? 0);
  publishers.send({ do: 'end' });
  const answer = await answerOf(publishers);
  if (answer.done !== 'end') throw new Error(`unexpected answer: ${answer.done}`);
  return { before, after, report: answer.report, unreadBytes: unread, busySeconds };
}

function startPublishers(server: RunningServer, options: IngestOptions, cores: CorePlan): OwnedProcess {
  const target: PublishersTarget = {
    host: LOOPBACK,
    port: server.ports.rtmp ?? 0,
    app: APP,
    name: STREAM,
    rate: RATE,
    publishers: options.publishers,
    startsPerSecond: STARTS_PER_SECOND,
  };
  return new OwnedProcess({
    title: 'publishers',
    command: process.execPath,
    args: nodeArgs(new URL('publishers-process.ts', import.meta.url), JSON.stringify(target)),
    core: cores.load,
    hasIpc: true,
  });
}

async function answerOf(publishers: OwnedProcess): Promise<PublishersAnswer> {
  const answer = (await publishers.message()) as PublishersAnswer;
  if (answer.done === 'failed') throw new Error(`publishing failed: ${answer.reason}`);
  return answer;
}
