import type { AddressInfo, Server } from 'node:net';
import { AppError, type ListenConfig } from '@headwater/contracts';

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EACCES: 'not allowed; ports below 1024 need a privilege',
  EADDRNOTAVAIL: 'this machine does not have the address',
  ENOTFOUND: 'the host name is not known',
};

/** Why an address cannot be listened on, in words; looks for the system's code also inside messages. */
export function unusableReason(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.message;
  const known = Object.keys(reasons).find((name) => code.includes(name));
  return (known === undefined ? undefined : reasons[known]) ?? error.message;
}

/** Listens, and resolves with the address as `hostPort` writes it. Rejects with `address_unusable`. */
export async function listen(server: Server, address: ListenConfig): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void => {
      const details = { address: `${address.host ?? '*'}:${address.port}`, reason: unusableReason(error) };
      reject(new AppError('address_unusable', { details, cause: error }));
    };
    server.once('error', failed);
    server.listen({ host: address.host, port: address.port }, () => {
      server.off('error', failed);
      resolve();
    });
  });
  const bound = server.address() as AddressInfo;
  return hostPort(bound.address, bound.port);
}

/**
 * `host:port` to connect to from this machine. A listener on all interfaces is shown by its loopback address, an IPv6
 * address in brackets.
 */
export function hostPort(host: string | undefined, port: number): string {
  if (host === undefined || host === '::' || host === '0.0.0.0') return `127.0.0.1:${port}`;
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`;
}
