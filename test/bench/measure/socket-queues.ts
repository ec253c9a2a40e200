// What the kernel holds for the connections of a port, from /proc/net/tcp (proc(5)).
import { readFileSync } from 'node:fs';

/** Bytes that have arrived on connections of a local port, or are on their way there, and nobody has read yet. */
export function unreadBytes(port: number, table: string = readFileSync('/proc/net/tcp', 'utf8')): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let bytes = 0;
  for (const line of table.trim().split('\n').slice(1)) {
    const [, local = '', remote = '', , queues = ''] = line.trim().split(/\s+/);
    const [sending = 0, receiving = 0] = queues.split(':').map((text) => Number.parseInt(text, 16));
    if (local.endsWith(suffix)) bytes += receiving;
    else if (remote.endsWith(suffix)) bytes += sending;
  }
  return bytes;
}
