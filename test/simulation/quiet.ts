// What must be so when everything is mended and some time has passed.
import type { StreamRecord } from '@headwater/cluster';
import type { StreamKey } from '@headwater/contracts';
import type { World } from './world.ts';

/** Mends everything but the origins that crashed, of which one stays or comes back. */
export function mend(world: World): void {
  world.redis.start();
  world.network.healAll();
  for (const { process } of world.nodes) process.thaw();
  for (const rival of world.rivals) rival.stop();
  for (const node of [...world.edges, ...world.controllers]) node.restart();
  if (world.origins.some(({ isOffered }) => isOffered)) return;
  for (const origin of world.origins) {
    // One that is about to leave comes back as well.
    origin.process.die();
    origin.restart();
  }
}

/** What is not as it must be; empty when all is. */
export async function unrest(world: World): Promise<string[]> {
  const { registry } = world.redis;
  const [nodes, streams] = [await registry.nodes(), await registry.streams()];
  const records = new Map(streams.map((record) => [record.stream, record]));
  const found: string[] = [];
  const alive = [...world.origins, ...world.edges]
    .filter(({ process }) => process.state === 'up')
    .map(({ process }) => process.incarnation);
  const listed = nodes.map(({ incarnation }) => incarnation);
  if (listed.sort().join() !== alive.sort().join()) {
    found.push(`nodes of the registry are ${listed.join(', ')}, alive are ${alive.join(', ')}`);
  }
  const leaders = world.controllers.filter(({ controller }) => controller.state.leadership === 'leading');
  if (leaders.length !== 1) found.push(`${leaders.length} controllers lead`);
  for (const [index, stream] of world.streams.entries()) {
    const isWanted = world.publishers[index]?.isWanted === true;
    const record = records.get(stream);
    found.push(...(isWanted ? unrestOfLive(world, index, record) : unrestOfGone(world, stream, record)));
  }
  return [...found, ...(await unrestOfJobs(world))];
}

async function unrestOfJobs(world: World): Promise<string[]> {
  const listing = await world.redis.jobs.jobs();
  const alive = world.origins.filter(({ process }) => process.state === 'up');
  return world.jobs.flatMap(({ id }) => {
    const record = listing?.jobs.find(({ job }) => job.id === id);
    const doing = alive.filter(({ jobs }) => jobs.includes(id)).map(({ process }) => process.incarnation);
    // A job that the store has lost while nobody lived who knew of it is nobody's.
    const isLost = record === undefined && world.ledger.hasStoreLostData;
    const wanted = isLost ? [] : [record?.assignee?.incarnation];
    return doing.join() === wanted.join()
      ? []
      : [`${id} is done by ${doing.join(', ')}; it is ${JSON.stringify(record)}`];
  });
}

function unrestOfLive(world: World, index: number, record: StreamRecord | undefined): string[] {
  const publisher = world.publishers[index];
  const stream = world.streams[index];
  if (publisher === undefined || stream === undefined) return [];
  const node = publisher.publishesTo;
  if (node === undefined) return [`${publisher.name} is not accepted by anybody`];
  const epoch = node.origin.streams.get(stream)?.epoch ?? 0;
  const found: string[] = [];
  const isRecorded = record?.owner.incarnation === node.process.incarnation && record.epoch === epoch;
  if (!isRecorded || record.state !== 'live') {
    found.push(
      `registry has ${JSON.stringify(record)}, ${publisher.name} publishes to ${node.name} in epoch ${epoch}`,
    );
  }
  for (const other of world.origins) {
    if (other !== node && other.process.state === 'up' && other.origin.streams.has(stream)) {
      found.push(`${other.name} still has ${stream}`);
    }
  }
  if (record !== undefined && !hasFittingStandby(world, record)) {
    found.push(`standby of ${stream} is ${JSON.stringify(record.standby)}`);
  }
  return [...found, ...unrestOfViewers(world, stream, epoch)];
}

function hasFittingStandby(world: World, { owner, standby }: StreamRecord): boolean {
  const others = world.origins.filter(({ name, process }) => process.state === 'up' && name !== owner.nodeId);
  if (others.length === 0) return standby === undefined;
  return others.some(({ process }) => process.incarnation === standby?.incarnation);
}

function unrestOfViewers(world: World, stream: StreamKey, epoch: number): string[] {
  const nowMs = world.clock.nowMs();
  return world.viewers
    .filter((viewer) => viewer.stream === stream && viewer.isWanted)
    .filter(({ seen }) => seen?.epoch !== epoch || nowMs - seen.atMs > 1_200)
    .map(({ name, seen }) => `${name} saw ${JSON.stringify(seen)}, epoch is ${epoch}`);
}

function unrestOfGone(world: World, stream: StreamKey, record: StreamRecord | undefined): string[] {
  const found: string[] = [];
  if (record !== undefined) found.push(`registry still has ${JSON.stringify(record)}`);
  for (const { name, process, origin } of world.origins) {
    if (process.state === 'up' && origin.streams.has(stream)) found.push(`${name} still has ${stream}`);
  }
  for (const { name, edge } of world.edges) {
    const phase = edge.streams.get(stream)?.phase;
    if (phase !== undefined && phase !== 'waiting') found.push(`${name} is still ${phase} for ${stream}`);
  }
  return found;
}
