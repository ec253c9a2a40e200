// A process that announces one node in Consul until it is killed. Options come as JSON in the first argument.
import { ConsulDiscovery } from '@headwater/cluster';
import { machineClock, testNode } from '@headwater/cluster/testing';

const { url, nodeId } = JSON.parse(process.argv[2] ?? '{}') as { url: string; nodeId: string };
const { load, isDraining, ...node } = testNode(nodeId);
const discovery = new ConsulDiscovery({
  url,
  clock: machineClock,
  self: { node, load: () => load, isDraining: () => isDraining },
  limits: { ttlMs: 2_000 },
});
await discovery.start();
process.stdout.write('announced\n');
