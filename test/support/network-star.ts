// A small network on this machine: network namespaces around one in the middle, each with an address of its own, so that real
// programs see each other under real addresses. Needs root.
import { runChild } from './child.ts';
import { defer } from './cleanup.ts';

/** A network that is gone at the end of the test. */
export interface NetworkStar {
  /** Where servers run; reached by all under this address. */
  readonly hub: { readonly namespace: string; readonly address: string };
  /** By name: where a client runs, and under which address the hub sees it. */
  readonly spokes: Readonly<Record<string, { readonly namespace: string; readonly address: string }>>;
}

/** Makes a hub and a spoke for each name. */
export async function startNetworkStar(names: readonly string[]): Promise<NetworkStar> {
  const prefix = `hw${process.pid}`;
  const hub = { namespace: `${prefix}-hub`, address: '10.213.0.1' };
  const spokes: Record<string, { namespace: string; address: string }> = {};
  await addNamespace(hub.namespace);
  await ip(['-n', hub.namespace, 'address', 'add', `${hub.address}/32`, 'dev', 'lo']);
  for (const [index, name] of names.entries()) {
    const namespace = `${prefix}-${name}`;
    const [near, far] = [`10.213.${index + 1}.1`, `10.213.${index + 1}.2`];
    await addNamespace(namespace);
    const ends = ['type', 'veth', 'peer', 'name', 'uplink', 'netns', namespace];
    await ip(['-n', hub.namespace, 'link', 'add', 'name', `to-${name}`, ...ends]);
    await attach(hub.namespace, `to-${name}`, near);
    await attach(namespace, 'uplink', far);
    await ip(['-n', namespace, 'route', 'add', 'default', 'via', near]);
    spokes[name] = { namespace, address: far };
  }
  return { hub, spokes };
}

/** The command line of a program in a namespace. */
export function within(namespace: string, program: string): { program: string; args: readonly string[] } {
  return { program: 'ip', args: ['netns', 'exec', namespace, program] };
}

async function addNamespace(namespace: string): Promise<void> {
  await ip(['netns', 'add', namespace]);
  // Its links go with it.
  defer(async () => ip(['netns', 'delete', namespace]));
  await ip(['-n', namespace, 'link', 'set', 'lo', 'up']);
}

async function attach(namespace: string, link: string, address: string): Promise<void> {
  await ip(['-n', namespace, 'address', 'add', `${address}/24`, 'dev', link]);
  await ip(['-n', namespace, 'link', 'set', link, 'up']);
}

async function ip(args: readonly string[]): Promise<void> {
  await runChild({ name: `ip ${args.join(' ')}`, program: 'ip', args });
}
