import {
  MemoryStreamRegistry,
  RedisStreamRegistry,
  UpstreamReporter,
  type JobRegistry,
  type StreamRegistry,
} from '@headwater/cluster';
import { Controller, RelayProber } from '@headwater/controller';
import type { RedisConfig } from '@headwater/contracts';
import type { EdgeOptions } from '@headwater/edge';
import type { RelayClient } from '@headwater/relay';
import type { NodeContext } from '../node-context.ts';

/** A registry, and what goes by the same way where several processes share it. */
export interface RegistryParts {
  readonly registry: StreamRegistry;
  readonly jobs: JobRegistry;
  /** Tells controllers of owners that do not deliver. */
  readonly reportLoss: EdgeOptions['reportLoss'];
  /** Undefined where there is nothing to control. */
  readonly makeController: ((relay: RelayClient) => Controller) | undefined;
}

/** Opens the registry that the configuration names. */
export function openRegistry(context: NodeContext): RegistryParts {
  const { redis } = context.config.registry;
  return redis === undefined ? embeddedRegistry(context) : redisRegistry(context, redis);
}

function embeddedRegistry({ config, clock, logger }: NodeContext): RegistryParts {
  const registry = new MemoryStreamRegistry({ clock, logger, leaseMs: config.registry.leaseMs });
  return {
    registry,
    jobs: registry.jobRegistry(),
    reportLoss: () => undefined,
    makeController: undefined,
  };
}

function redisRegistry(
  { config, clock, logger, metrics, node }: NodeContext,
  redis: RedisConfig,
): RegistryParts {
  const { leaseMs } = config.registry;
  const { server, keyPrefix } = redis;
  const registry = new RedisStreamRegistry({
    clock,
    logger,
    metrics,
    leaseMs,
    server,
    keyPrefix,
    access: accessOf(redis),
  });
  const reports = registry.upstreamReports();
  const reporter = new UpstreamReporter({ reports, clock, logger, nodeId: node.nodeId });
  const jobs = registry.jobRegistry();
  return {
    registry,
    jobs,
    reportLoss: (owner, loss) => {
      reporter.lost(owner, loss);
    },
    makeController: (relay) =>
      new Controller({
        node,
        registry,
        jobs,
        lease: registry.leaderLease(),
        reports,
        prober: new RelayProber({ relay, clock }),
        clock,
        logger,
        metrics,
        limits: { leaseMs, heartbeatMs: config.registry.heartbeatMs },
        policy: { wantsStandby: () => config.controller.hasStandbys },
      }),
  };
}

function accessOf({ username, password, hasTls }: RedisConfig): {
  username?: string;
  password?: string;
  tls?: object;
} {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(hasTls ? { tls: {} } : {}),
  };
}
