// Commands to a running cluster: HTTP over a socket in its folder, one request a command, one text as the answer.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { socketPath } from './cluster-state.mjs';
import { StepFailed } from './step.mjs';

/**
 * Takes commands, one after the other, until it is closed.
 * @param {string} folder
 * @param {(args: string[]) => Promise<string>} execute rejects with `StepFailed` when it cannot be done
 * @returns {Promise<{ close(): void }>}
 */
export async function serveCommands(folder, execute) {
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  const server = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      const done = last.then(() => {
        /** @type {string[]} */
        const args = JSON.parse(body);
        return execute(args);
      });
      last = done.then(
        (answer) => response.end(answer),
        (/** @type {unknown} */ error) => {
          response.statusCode = error instanceof StepFailed ? 409 : 500;
          response.end(error instanceof Error ? error.message : String(error));
        },
      );
    });
  });
  server.listen(socketPath(folder));
  await once(server, 'listening');
  return {
    close: () => {
      server.close();
      server.closeIdleConnections();
    },
  };
}

/**
 * Has the running cluster do something.
 * @param {string} folder
 * @param {string[]} args
 * @returns {Promise<string | undefined>} what it says; undefined where none runs
 */
export async function sendCommand(folder, args) {
  const call = request({ socketPath: socketPath(folder), method: 'POST', agent: false });
  call.end(JSON.stringify(args));
  /** @type {import('node:http').IncomingMessage} */
  let response;
  try {
    [response] = await once(call, 'response');
  } catch {
    return undefined;
  }
  const answer = await text(response);
  if (response.statusCode !== 200) throw new StepFailed(answer);
  return answer;
}
