// What the kernel holds for the connections of a port, from /proc/net/tcp and /proc/net/tcp6 (proc(5)).
import { readFileSync } from 'node:fs';

/** Bytes that have arrived on connections of a local port, or are on their way there, and nobody has read yet. */
export function unreadBytes(port: number, table: string = allConnections()): number {
  return sumOf(port, table, ({ isOfPort, sending, receiving }) => (isOfPort ? receiving : sending));
}

/** Bytes that a local port has sent, and nobody has read yet. */
export function unsentBytes(port: number, table: string = allConnections()): number {
  return sumOf(port, table, ({ isOfPort, sending, receiving }) => (isOfPort ? sending : receiving));
}

/** One end of a connection. */
interface End {
  /** Whether it is the end with the port. */
  readonly isOfPort: boolean;
  readonly sending: number;
  readonly receiving: number;
}

function allConnections(): string {
  return ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFileSync(file, 'utf8')).join('');
}

function sumOf(port: number, table: string, bytesOf: (end: End) => number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let bytes = 0;
  for (const line of table.trim().split('\n')) {
    const [, local = '', remote = '', , queues = ''] = line.trim().split(/\s+/);
    const [sending = 0, receiving = 0] = queues.split(':').map((text) => Number.parseInt(text, 16));
    if (local.endsWith(suffix)) bytes += bytesOf({ isOfPort: true, sending, receiving });
    else if (remote.endsWith(suffix)) bytes += bytesOf({ isOfPort: false, sending, receiving });
  }
  return bytes;
}
