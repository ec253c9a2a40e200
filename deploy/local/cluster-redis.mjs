// The Redis of the local cluster: a real server from the system, in memory only.
import { once } from 'node:events';
import { connect } from 'node:net';
import { host } from './cluster-plan.mjs';
import { StepFailed } from './step.mjs';
import { isOnPath } from './system-packages.mjs';

const programs = ['redis-server', 'valkey-server'];
const answerTimeoutMs = 1000;

/** The server's program. Throws `StepFailed` with how to get one when there is none. */
export function redisProgram() {
  const program = programs.find(isOnPath);
  if (program !== undefined) return program;
  throw new StepFailed(
    `the cluster needs ${programs.join(' or ')}; install with: sudo apt-get install redis-server`,
  );
}

/** @param {{ port: number, folder: string }} options `folder` for whatever it writes */
export function redisArguments({ port, folder }) {
  return [
    ...['--bind', host, '--port', String(port), '--dir', folder],
    ...['--save', '', '--appendonly', 'no', '--daemonize', 'no'],
  ];
}

/**
 * Whether a Redis there answers.
 * @param {number} port
 */
export async function redisAnswers(port) {
  const socket = connect({ host, port });
  try {
    const signal = AbortSignal.timeout(answerTimeoutMs);
    await once(socket, 'connect', { signal });
    socket.write('PING\r\n');
    const [answer] = await once(socket, 'data', { signal });
    return String(answer).startsWith('+PONG');
  } catch {
    socket.on('error', () => undefined);
    return false;
  } finally {
    socket.destroy();
  }
}
