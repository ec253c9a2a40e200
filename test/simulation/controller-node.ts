import { silentMetrics } from '@headwater/contracts';
import { Controller, RelayProber } from '@headwater/controller';
import type { SimulatedProcess } from './process.ts';
import { heartbeatMs, leaseMs, orphanHoldMs } from './settings.ts';
import type { Surroundings } from './surroundings.ts';

/** A machine with a controller, run after run. */
export class ControllerNode {
  readonly name: string;
  readonly #world: Surroundings;
  #run: { readonly process: SimulatedProcess; readonly controller: Controller };

  constructor(world: Surroundings, name: string) {
    this.#world = world;
    this.name = name;
    this.#run = runController(world, name);
  }

  get process(): SimulatedProcess {
    return this.#run.process;
  }

  get controller(): Controller {
    return this.#run.controller;
  }

  restart(): void {
    if (this.process.state === 'dead') this.#run = runController(this.#world, this.name);
  }
}

function runController(
  world: Surroundings,
  name: string,
): { readonly process: SimulatedProcess; readonly controller: Controller } {
  const process = world.newProcess(name);
  const { registry, lease, reports, jobs } = world.redis.client(process);
  const controller = new Controller({
    node: { nodeId: name, incarnation: process.incarnation },
    registry,
    jobs,
    lease,
    reports,
    prober: new RelayProber({ relay: world.relay.client(process), clock: process }),
    clock: process,
    logger: world.loggerOf(name),
    metrics: silentMetrics,
    limits: { heartbeatMs, leaseMs, tickMs: 500, lookEveryMs: 1_000 },
    policy: { orphanHoldMs },
  });
  controller.start();
  return { process, controller };
}
