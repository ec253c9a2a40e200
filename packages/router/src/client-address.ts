// Who a request is from when proxies stand between. Each proxy appends the address that it was connected from to
// `X-Forwarded-For`, and what stands before that was written by others, maybe by the client itself. So the list is read from
// its end, for as long as the addresses are those of proxies that are trusted.
import { isIP } from 'node:net';
import type { NetworkTable } from './network-table.ts';

// More proxies than that are no proxies.
const maxHops = 16;

/** The address of the client: that of the peer, or what trusted proxies say. */
export function clientAddress(
  peer: string,
  forwardedFor: string | undefined,
  trusted: NetworkTable<true>,
): string {
  let client = peer;
  if (forwardedFor === undefined) return client;
  const hops = forwardedFor.split(',').slice(-maxHops);
  while (trusted.find(client) === true) {
    const hop = hops.pop();
    const address = hop === undefined ? undefined : addressOf(hop.trim());
    if (address === undefined) break;
    client = address;
  }
  return client;
}

// Some proxies write the port, too.
function addressOf(hop: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5})$/.exec(hop) ?? [];
  const address = bracketed ?? plain ?? hop;
  return isIP(address) === 0 ? undefined : address;
}
