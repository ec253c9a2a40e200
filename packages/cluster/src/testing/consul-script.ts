// An HTTP server that plays a Consul which does what no good Consul does.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How one request is answered. */
export type ScriptedAnswer = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers every request by the function of the moment, and remembers what was asked. */
export class ScriptedConsul {
  readonly asked: string[] = [];
  answer: ScriptedAnswer;
  readonly #server: Server;

  private constructor(answer: ScriptedAnswer) {
    this.answer = answer;
    this.#server = createServer((request, response) => {
      this.asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
      this.answer(request, response);
    });
  }

  static async start(answer: ScriptedAnswer): Promise<ScriptedConsul> {
    const script = new ScriptedConsul(answer);
    script.#server.listen(0, '127.0.0.1');
    await once(script.#server, 'listening');
    return script;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** An answer in JSON, with an index where one is given. */
export function json(body: unknown, headers: Record<string, string> = {}): ScriptedAnswer {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
}
