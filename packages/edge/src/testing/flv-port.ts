import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { CrossOriginRule } from '../cross-origin.ts';
import { parseFlvTarget } from '../flv-request.ts';
import { playHttpFlv } from '../play-http-flv.ts';
import { playWsFlv } from '../play-ws-flv.ts';
import type { EdgeRig } from './edge-rig.ts';

/** A port of a rig's edge that serves FLV over HTTP and WebSocket, and nothing else. */
export class FlvPort {
  /** The server's ends of all connections so far. */
  readonly accepted: Socket[] = [];
  readonly #server: Server;
  readonly #clients: Socket[] = [];

  private constructor(rig: EdgeRig) {
    const { edge } = rig;
    const crossOrigin = new CrossOriginRule(['https://allowed.example']);
    let sessions = 0;
    const exchange = (
      url = '',
    ): { edge: typeof edge; crossOrigin: CrossOriginRule; sessionId: string; remoteAddress: string } & {
      flv: NonNullable<ReturnType<typeof parseFlvTarget>>;
    } => {
      const flv = parseFlvTarget(url);
      if (flv === undefined) throw new Error(`not a stream: ${url}`);
      return { edge, crossOrigin, flv, sessionId: String(++sessions), remoteAddress: '192.0.2.1' };
    };
    this.#server = createServer((request, response) => {
      void playHttpFlv({ ...exchange(request.url), request, response });
    });
    this.#server.on('upgrade', (request, socket, head) => {
      void playWsFlv({ ...exchange(request.url), request, socket, head });
    });
    this.#server.on('connection', (socket) => this.accepted.push(socket));
  }

  static async open(rig: EdgeRig): Promise<FlvPort> {
    const port = new FlvPort(rig);
    await new Promise<void>((resolve) => port.#server.listen(0, '127.0.0.1', resolve));
    return port;
  }

  /** A connection that does not close its side by itself, and reads when told to. */
  async dial(): Promise<Socket> {
    const { port } = this.#server.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined);
    this.#clients.push(socket);
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    return socket;
  }

  async close(): Promise<void> {
    for (const socket of [...this.#clients, ...this.accepted]) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
