import type { StreamRegistry } from '@headwater/cluster';
import { Origin, sharedProbe, type OriginOptions, type RegistryStanding } from '@headwater/origin';
import type { RelayClient } from '@headwater/relay';
import type { NodeContext } from '../node-context.ts';
import { ringOf } from './fan-out-settings.ts';
import { reachableAddresses } from './reachable-addresses.ts';

const probeTimeoutMs = 500;
// An owner that did not answer is not asked again for each publisher that waits for it.
const ownerSilentMs = 400;
// A controller and the registry take their time beyond the lease to declare a node dead.
const beyondLeaseMs = 1_000;

/** The origin of a node, as its configuration wants it. */
export function makeOrigin(
  context: NodeContext,
  { registry, standing }: { registry: StreamRegistry; standing: () => RegistryStanding },
  relay: RelayClient,
): Origin {
  const { clock, logger, metrics, access, node, config, addresses, publishersElsewhere } = context;
  return new Origin({
    clock,
    logger,
    metrics,
    registry,
    access,
    node,
    relayAddress: () => reachableAddresses(config, addresses.all()).relay ?? '',
    ring: ringOf(config),
    holdMs: config.holdMs,
    maxPublishers: config.limits.publishers,
    ...(publishersElsewhere === undefined ? {} : { publishersElsewhere }),
    standing,
    relay,
    backup: {
      silentAfterMs: config.publish.backupAfterMs,
      isEverySecond: config.publish.isEverySecondBackup,
    },
    ...patienceOf(context, relay),
  });
}

// Within one process an owner cannot die alone.
function patienceOf({ clock, config }: NodeContext, relay: RelayClient): Pick<OriginOptions, 'patience'> {
  const { registry } = config;
  if (registry.redis === undefined) return {};
  const probe = async (address: string): Promise<boolean> =>
    relay.probe(address, probeTimeoutMs).then(
      () => true,
      () => false,
    );
  const probeOwner = sharedProbe(probe, clock, ownerSilentMs);
  return { patience: { probeOwner, patienceMs: registry.leaseMs + beyondLeaseMs } };
}
