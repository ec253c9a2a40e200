// Under which addresses other nodes reach this one. What listens on all interfaces has no address of its own: it goes by
// the configured one, or by the machine's first.
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Config } from '@headwater/contracts';
import type { NodeAddresses, PortName } from '../bound-addresses.ts';

const loopback = '127.0.0.1';

/** The bound addresses as other nodes must use them. */
export function reachableAddresses(config: Config, bound: NodeAddresses): NodeAddresses {
  const reachable: Partial<Record<PortName, string>> = {};
  for (const name of ['rtmp', 'http', 'admin', 'relay'] as const) {
    const address = bound[name];
    if (address === undefined) continue;
    const port = address.slice(address.lastIndexOf(':') + 1);
    reachable[name] = config[name].host === undefined ? `${bracketed(nodeHost(config))}:${port}` : address;
    if (name === 'relay' && config.relay.advertise !== undefined) {
      reachable.relay = withPort(config.relay.advertise, port);
    }
  }
  return reachable;
}

function nodeHost(config: Config): string {
  if (config.node.address !== undefined) return config.node.address;
  // Nobody else can look up a node of the embedded registry.
  return config.registry.redis === undefined ? loopback : (firstOwnAddress() ?? loopback);
}

function firstOwnAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outward = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  return (outward.find(({ family }) => family === 'IPv4') ?? outward[0])?.address;
}

function withPort(host: string, port: string): string {
  // An address of IPv6 may end like a port.
  if (isIPv6(host)) return `[${host}]:${port}`;
  return /:\d+$/.test(host) && !host.endsWith(']') ? host : `${host}:${port}`;
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
