// What happens to a simulated cluster, drawn from a seed: a list of steps, so that one that fails can be made shorter.
import { Random } from './random.ts';
import { store } from './redis.ts';
import type { SimulatedNode, World, WorldSize } from './world.ts';

/** Between two parties, or in one direction. */
type WayStep =
  | { readonly do: 'cut'; readonly a: string; readonly b: string; readonly isOneWay: boolean }
  | {
      readonly do: 'trouble';
      readonly a: string;
      readonly b: string;
      readonly slowMs: number;
      readonly loss: number;
    };

/** To one node: cut off from everybody, stopped, going on, killed, gone with its machine, run anew, leaving in good order. */
interface NodeStep {
  readonly do: 'isolate' | 'freeze' | 'thaw' | 'crash' | 'power-off' | 'restart' | 'leave';
  readonly node: string;
}

/** To the store or to all of the network. */
interface GlobalStep {
  readonly do:
    'heal' | 'store-stops' | 'store-starts' | 'store-forgets' | 'store-replicates' | 'store-fails-over';
}

/** By the publishers of one stream, or to it. */
interface StreamStep {
  readonly do: 'publish' | 'unpublish' | 'lose' | 'half-open' | 'rival' | 'rival-leaves' | 'kick';
  readonly stream: number;
}

interface ViewerStep {
  readonly do: 'viewer-comes' | 'viewer-leaves';
  readonly viewer: number;
}

/** What happens, and how long after the step before. */
export type Step = { readonly waitMs: number } & (WayStep | NodeStep | GlobalStep | StreamStep | ViewerStep);

/** A cluster and what happens to it. */
export interface Schedule {
  readonly size: WorldSize;
  readonly steps: readonly Step[];
}

type Draw = (random: Random, size: WorldSize) => Step;

const waits = [0, 20, 100, 300, 600, 1_200, 2_200];

function wait(random: Random): number {
  return random.pick(waits) + random.below(20);
}

function nodeOf(role: string, count: number, random: Random): string {
  return `${role}${1 + random.below(count)}`;
}

function anyNode(random: Random, { origins, edges, controllers }: WorldSize): string {
  const at = random.below(10);
  if (at < 6) return nodeOf('origin', origins, random);
  return at < 8 ? nodeOf('edge', edges, random) : nodeOf('controller', controllers, random);
}

/** Two parties that have to do with each other. */
function pair(random: Random, { origins, edges, controllers }: WorldSize): { a: string; b: string } {
  const origin = nodeOf('origin', origins, random);
  const other = nodeOf('controller', controllers, random);
  const edge = nodeOf('edge', edges, random);
  const pairs = [
    [origin, store],
    [origin, store],
    [origin, other],
    [edge, origin],
    [edge, origin],
    [edge, store],
    [edge, other],
    [edge, `edge${1 + random.below(edges)}`],
    [other, store],
  ] as const;
  const [a, b] = random.pick(pairs);
  return random.chance(0.5) ? { a, b } : { a: b, b: a };
}

function ofNode(kind: NodeStep['do']): Draw {
  return (random, size) => ({ waitMs: wait(random), do: kind, node: anyNode(random, size) });
}

function ofStream(kind: StreamStep['do']): Draw {
  return (random, { streams }) => ({ waitMs: wait(random), do: kind, stream: random.below(streams) });
}

function ofViewer(kind: ViewerStep['do']): Draw {
  return (random, { streams, edges }) => ({
    waitMs: wait(random),
    do: kind,
    viewer: random.below(streams * edges),
  });
}

function ofStore(kind: GlobalStep['do']): Draw {
  return (random) => ({ waitMs: wait(random), do: kind });
}

const draws: readonly { readonly weight: number; readonly draw: Draw }[] = [
  {
    weight: 6,
    draw: (random, size) => ({
      waitMs: wait(random),
      do: 'cut',
      ...pair(random, size),
      isOneWay: random.chance(0.4),
    }),
  },
  {
    weight: 3,
    draw: (random, size) => ({
      waitMs: wait(random),
      do: 'trouble',
      ...pair(random, size),
      slowMs: random.pick([0, 100, 400, 800]),
      loss: random.pick([0, 0.2, 0.5]),
    }),
  },
  { weight: 3, draw: ofNode('isolate') },
  { weight: 5, draw: ofStore('heal') },
  { weight: 5, draw: ofNode('freeze') },
  { weight: 5, draw: ofNode('thaw') },
  { weight: 4, draw: ofNode('crash') },
  { weight: 2, draw: ofNode('power-off') },
  { weight: 5, draw: ofNode('restart') },
  { weight: 1, draw: ofNode('leave') },
  { weight: 2, draw: ofStore('store-stops') },
  { weight: 3, draw: ofStore('store-starts') },
  { weight: 2, draw: ofStore('store-forgets') },
  { weight: 3, draw: ofStore('store-replicates') },
  { weight: 3, draw: ofStore('store-fails-over') },
  { weight: 3, draw: ofStream('publish') },
  { weight: 2, draw: ofStream('unpublish') },
  { weight: 3, draw: ofStream('lose') },
  { weight: 2, draw: ofStream('half-open') },
  { weight: 2, draw: ofStream('rival') },
  { weight: 2, draw: ofStream('rival-leaves') },
  { weight: 1, draw: ofStream('kick') },
  { weight: 2, draw: ofViewer('viewer-comes') },
  { weight: 1, draw: ofViewer('viewer-leaves') },
];

const deck: readonly Draw[] = draws.flatMap(({ weight, draw }) => Array.from({ length: weight }, () => draw));

/** The schedule of a seed. */
export function scheduleOf(seed: number): Schedule {
  // Another line of numbers than the world's, so that a shorter schedule leaves the world's as it is.
  const random = new Random(~seed);
  const size = {
    origins: random.chance(0.6) ? 2 : 3,
    edges: random.chance(0.5) ? 1 : 2,
    controllers: random.chance(0.5) ? 1 : 2,
    streams: random.chance(0.75) ? 1 : 2,
    jobs: random.chance(0.5) ? 0 : 1,
  };
  const steps = Array.from({ length: 4 + random.below(14) }, () => random.pick(deck)(random, size));
  return { size, steps };
}

/** Lets a step happen. One that does not fit, such as thawing what is not frozen, does nothing. */
export async function takeStep(world: World, step: Step): Promise<void> {
  if (world.isTracing) world.trace(`--- ${JSON.stringify(step)}`);
  if ('a' in step) changeWay(world, step);
  else if ('node' in step) changeNode(world, step);
  else if ('stream' in step) await changeStream(world, step);
  else if ('viewer' in step) {
    const viewer = world.viewers[step.viewer];
    if (step.do === 'viewer-comes') viewer?.come();
    else viewer?.leave();
  } else await changeStore(world, step.do);
}

function changeWay({ network }: World, step: WayStep): void {
  const { a, b } = step;
  if (step.do === 'cut') {
    network.change(a, b, { isCut: true });
    if (!step.isOneWay) network.change(b, a, { isCut: true });
    return;
  }
  const { slowMs, loss } = step;
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    network.change(from, to, { slowMs, loss });
  }
}

function changeNode(world: World, step: NodeStep): void {
  const node = world.nodes.find(({ name }) => name === step.node);
  if (node === undefined) return;
  const { process } = node;
  switch (step.do) {
    case 'isolate':
      for (const name of [store, ...world.nodes.map((other) => other.name)]) {
        world.network.change(node.name, name, { isCut: true });
        world.network.change(name, node.name, { isCut: true });
      }
      return;
    case 'freeze':
      process.freeze();
      world.relay.froze(process);
      return;
    case 'thaw':
      process.thaw();
      return;
    case 'power-off':
      if (process.state !== 'dead') world.relay.turnOff(node.name);
      process.die();
      return;
    case 'crash':
      process.die();
      return;
    case 'restart':
      node.restart();
      return;
    case 'leave':
      stopNode(node);
      return;
  }
}

function stopNode(node: SimulatedNode): void {
  if (node.process.state === 'up' && 'stop' in node) node.stop();
}

async function changeStream(world: World, step: StreamStep): Promise<void> {
  const publisher = world.publishers[step.stream];
  const rival = world.rivals[step.stream];
  const stream = world.streams[step.stream];
  if (publisher === undefined || rival === undefined || stream === undefined) return;
  switch (step.do) {
    case 'publish':
      publisher.start();
      return;
    case 'unpublish':
      publisher.stop();
      return;
    case 'lose':
    case 'half-open':
      publisher.lose(step.do === 'half-open');
      return;
    case 'rival':
      rival.start();
      return;
    case 'rival-leaves':
      rival.stop();
      return;
    case 'kick':
      for (const { process, origin } of world.origins) process.deliver(() => origin.kick(stream));
      // What it sets off without waiting belongs to this step.
      await world.pass(0);
      return;
  }
}

async function changeStore({ redis, network, ledger }: World, what: GlobalStep['do']): Promise<void> {
  switch (what) {
    case 'heal':
      network.healAll();
      return;
    case 'store-stops':
      redis.stop();
      return;
    case 'store-starts':
      redis.start();
      return;
    case 'store-forgets':
      ledger.hasStoreLostData = true;
      await redis.forget();
      return;
    case 'store-replicates':
      redis.replicate();
      return;
    case 'store-fails-over':
      ledger.hasStoreLostData = true;
      redis.failOver();
      return;
  }
}
