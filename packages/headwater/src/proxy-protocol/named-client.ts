import type { Socket } from 'node:net';
import type { ProxyGreeting } from './proxy-greeting.ts';

/** Who is asked, and what follows. */
export interface ClientNaming {
  /** Tells whoever counts connections whose this one is; false when that client is not to be served. */
  readonly name: (clientAddress: string) => Promise<boolean>;
  readonly letIn: () => void;
}

/**
 * Lets a proxy's connection in once it is known whose it is and somebody else has agreed to serve that client. The socket has an
 * error listener already.
 */
export function greetNamed(greeting: ProxyGreeting, socket: Socket, { name, letIn }: ClientNaming): void {
  greeting.greet(socket, (clientAddress) => {
    void name(clientAddress)
      .catch(() => false)
      .then((isWelcome) => {
        // A connection that ended meanwhile tells nobody so again: who let it in would keep it.
        if (socket.destroyed) return;
        if (isWelcome) letIn();
        else socket.destroy();
        socket.resume();
      });
  });
}
