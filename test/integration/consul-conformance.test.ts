// Discovery by Consul passes the suite that discovery by the registry passes, against a real Consul.
import { ConsulDiscovery } from '@headwater/cluster';
import type { NodeRecord } from '@headwater/cluster';
import {
  discoveryConformance,
  machineClock,
  StoppableClock,
  type AnnouncedTestNode,
  type DiscoveryHarness,
} from '@headwater/cluster/testing';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll } from 'vitest';
import { startConsul, type RunningConsul } from '../support/consul.ts';

let consul: RunningConsul;
let tests = 0;

beforeAll(async () => {
  consul = await startConsul();
});

/** One Consul for all tests, and a service name for each. */
class ConsulHarness implements DiscoveryHarness {
  readonly #serviceName = `cluster-${++tests}`;
  readonly #announced: ConsulDiscovery[] = [];

  discovery(): ConsulDiscovery {
    return new ConsulDiscovery({ url: consul.url, clock: machineClock, serviceName: this.#serviceName });
  }

  async announce(node: NodeRecord): Promise<AnnouncedTestNode> {
    const { load, isDraining, ...rest } = node;
    let said = { load, isDraining };
    const clock = new StoppableClock(machineClock);
    const discovery = new ConsulDiscovery({
      ...{ url: consul.url, clock, serviceName: this.#serviceName, datacenters: [] },
      self: { node: rest, load: () => said.load, isDraining: () => said.isDraining },
      limits: { loadMs: 200, maxLoadAgeMs: 400 },
    });
    this.#announced.push(discovery);
    await discovery.start();
    return {
      say: async (changes) => {
        said = { ...said, ...changes };
        await discovery.beat();
      },
      leave: async () => discovery.close(),
      crash: () => {
        clock.stop();
      },
    };
  }

  async advance(byMs: number): Promise<void> {
    await delay(byMs);
  }

  async breakSource(): Promise<void> {
    consul.kill('SIGKILL');
    await consul.ended();
  }

  async restoreEmptySource(): Promise<void> {
    await consul.restart();
  }

  async close(): Promise<void> {
    await Promise.all(this.#announced.map(async (discovery) => discovery.close()));
  }
}

discoveryConformance('ConsulDiscovery', async () => new ConsulHarness());
