import { silentLogger, type Logger, type Metrics } from '@headwater/contracts';
import { silentMetrics } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { describe, expect, it } from 'vitest';
import { MemoryStreamRegistry } from '../memory-stream-registry.ts';
import { NodeHeart } from '../node-heart.ts';
import type { NodeRecord } from '../node-record.ts';
import {
  discoveryConformance,
  StoppableClock,
  testNode,
  UnreliableRegistry,
  type AnnouncedTestNode,
  type DiscoveryHarness,
} from '../testing/index.ts';
import { RegistryDiscovery } from './registry-discovery.ts';

/** A registry behind connections that break together, and can be exchanged for an empty one. */
class RegistryHarness implements DiscoveryHarness {
  readonly #clock = new ManualClock();
  readonly #connections: UnreliableRegistry[] = [];
  readonly #memory = new MemoryStreamRegistry({ clock: this.#clock });
  #isBroken = false;

  discovery(): RegistryDiscovery {
    return new RegistryDiscovery({ registry: this.#connect(), clock: this.#clock });
  }

  async announce(node: NodeRecord): Promise<AnnouncedTestNode> {
    const { load, isDraining, ...rest } = node;
    let said = { load, isDraining };
    const clock = new StoppableClock(this.#clock);
    const heart = new NodeHeart({
      ...{ registry: this.#connect(), clock, logger: silentLogger, node: rest },
      load: () => said.load,
      isDraining: () => said.isDraining,
      owned: () => new Map(),
      onLost: () => undefined,
    });
    await heart.start();
    return {
      say: async (changes) => {
        said = { ...said, ...changes };
        await heart.beat();
      },
      leave: async () => heart.stop(),
      crash: () => {
        clock.stop();
      },
    };
  }

  async advance(byMs: number): Promise<void> {
    for (let leftMs = byMs; leftMs > 0; leftMs -= 50) {
      this.#clock.advance(Math.min(50, leftMs));
      for (let turn = 0; turn < 30; turn++) await Promise.resolve();
    }
  }

  async breakSource(): Promise<void> {
    this.#isBroken = true;
    for (const connection of this.#connections) connection.condition = 'down';
  }

  async restoreEmptySource(): Promise<void> {
    this.#isBroken = false;
    for (const node of await this.#memory.nodes()) await this.#memory.leave(node);
    for (const connection of this.#connections) connection.condition = 'up';
  }

  async close(): Promise<void> {
    await this.#memory.close();
  }

  #connect(): UnreliableRegistry {
    const connection = new UnreliableRegistry(this.#memory);
    if (this.#isBroken) connection.condition = 'down';
    this.#connections.push(connection);
    return connection;
  }
}

discoveryConformance('RegistryDiscovery', async () => new RegistryHarness());

describe('discovery by the registry', () => {
  const [n1, n2] = [testNode('n1'), testNode('n2')];

  it('keeps others while the registry has forgotten this very node, and believes it again afterwards', async () => {
    const clock = new ManualClock();
    const memory = new MemoryStreamRegistry({ clock, leaseMs: 1e9 });
    await memory.join(n1);
    await memory.join(n2);
    const discovery = new RegistryDiscovery({ registry: memory, clock, selfId: 'n1' });
    await discovery.start();
    await memory.leave(n1);
    await turns();
    await memory.leave(n2);
    await pass(clock, 40_000);
    expect([discovery.nodes().map((node) => node.nodeId), discovery.isStale]).toEqual([['n1', 'n2'], true]);
    await memory.join(n1);
    await turns();
    await pass(clock, 10_000);
    expect([discovery.nodes().map((node) => node.nodeId), discovery.isStale]).toEqual([['n1'], false]);
    await discovery.close();
    await memory.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('gives up a registry that does not settle, says so at most once a second, and counts it', async () => {
    const clock = new ManualClock();
    const memory = new MemoryStreamRegistry({ clock, leaseMs: 1e9 });
    const registry = new UnreliableRegistry(memory);
    const logged: string[] = [];
    const log = (_fields: unknown, message: string): void => void logged.push(message);
    const logger: Logger = { ...silentLogger, debug: log, warn: log, info: log };
    let counted = 0;
    const metrics: Metrics = { ...silentMetrics, counter: () => ({ add: (value) => (counted += value) }) };
    const discovery = new RegistryDiscovery({ registry, clock, logger, metrics });
    await memory.join(n1);
    await discovery.start();
    registry.condition = 'mute';
    await pass(clock, 4_000);
    expect([discovery.isStale, discovery.node('n1'), logged, counted]).toEqual([
      true,
      n1,
      ['discovery cannot read the registry'],
      1,
    ]);
    registry.condition = 'down';
    for (let event = 0; event < 50; event++) {
      await memory.join(n2);
      await turns();
    }
    expect(counted).toBeGreaterThan(20);
    expect(logged.length).toBeLessThanOrEqual(2);
    await discovery.close();
    await memory.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('takes no more nodes than it is meant to', async () => {
    const clock = new ManualClock();
    const memory = new MemoryStreamRegistry({ clock });
    for (let index = 0; index < 5; index++) await memory.join(testNode(`n${index}`));
    const discovery = new RegistryDiscovery({ registry: memory, clock, limits: { maxNodes: 3 } });
    await discovery.start();
    expect(discovery.nodes()).toHaveLength(3);
    await discovery.close();
    await memory.close();
  });
});

/** Lets time pass in small steps, and what it sets off settle. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let leftMs = ms; leftMs > 0; leftMs -= 100) {
    clock.advance(100);
    await turns();
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
}
