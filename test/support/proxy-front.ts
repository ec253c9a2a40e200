// A load balancer that says whose connections it passes on: by a PROXY header of version 2, for a client that the test names.
import { connect, createServer, type AddressInfo } from 'node:net';
import { defer } from './cleanup.ts';
import { RunningHeadwater } from './headwater.ts';

/** A node as seen through load balancers in front of its RTMP and its HTTP port. */
export class ProxyFront {
  /** Reaches the node through the balancers. */
  readonly node: RunningHeadwater;
  /** Whose the next connections are: an IPv4 address. */
  client = '198.51.100.1';

  private constructor(node: RunningHeadwater, addresses: { readonly rtmp: string; readonly http: string }) {
    this.node = new RunningHeadwater(node.child, { ...node.ready, ...addresses });
  }

  static async open(node: RunningHeadwater): Promise<ProxyFront> {
    const { rtmp = '', http = '' } = node.ready;
    const named: { front?: ProxyFront } = {};
    const client = (): string => named.front?.client ?? '';
    const front = new ProxyFront(node, {
      rtmp: await listen(rtmp, client),
      http: await listen(http, client),
    });
    named.front = front;
    return front;
  }
}

async function listen(address: string, client: () => string): Promise<string> {
  const [host = '', port = ''] = address.split(':');
  const server = createServer((downstream) => {
    const upstream = connect({ host, port: Number(port) });
    upstream.write(headerOf(client()));
    downstream.pipe(upstream).pipe(downstream);
    for (const [one, other] of [
      [downstream, upstream],
      [upstream, downstream],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
    defer(() => void downstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function headerOf(client: string): Buffer {
  const head = Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex');
  return Buffer.concat([head, Buffer.from([...client.split('.').map(Number), 192, 0, 2, 1, 0, 80, 0, 80])]);
}
