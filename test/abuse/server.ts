import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Address } from './raw-connection.ts';

/** A server to attack: where it listens and which bounds it was given. */
export interface Target {
  readonly rtmp: Address;
  readonly http?: Address;
  readonly admin?: Address;
  readonly relay?: Address;
  /** Process to watch. Without it memory, descriptors and death are judged from outside only. */
  readonly pid?: number;
  readonly app: string;
  readonly bounds: Bounds;
}

/** The deadlines that the server runs with. */
export interface Bounds {
  /** Handshake and connect together. */
  readonly handshakeMs: number;
  /** From connect to publish or play. */
  readonly idleMs: number;
  /** Until an HTTP request's headers are complete. */
  readonly httpHeadersMs: number;
  /** The same on the admin port. */
  readonly adminHeadersMs: number;
  /** A viewer that reads nothing is disconnected after it. */
  readonly slowViewerMs: number;
}

/** The defaults that servers are expected to have. */
export const defaultBounds: Bounds = {
  handshakeMs: 10_000,
  idleMs: 30_000,
  httpHeadersMs: 10_000,
  adminHeadersMs: 10_000,
  slowViewerMs: 30_000,
};

/** A server that runs. */
export interface RunningServer {
  readonly target: Target;
  /** False once the process has ended by itself. */
  isAlive(): boolean;
  /** The last lines that it printed. */
  lastOutput(): string;
  /** Streams and sessions that it lists, one name or description each. Absent where it cannot be asked. */
  listed?(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Starts a server; called again after each death. */
export type LaunchServer = () => Promise<RunningServer>;

const keptOutput = 1024 * 1024;

/** Wraps a child process as a running server and keeps the end of what it prints. Its folder goes away with it. */
export function runningServer(child: ChildProcess, target: Target, folder: string): RunningServer {
  let output = '';
  const keep = (text: string): void => {
    output = (output + text).slice(-keptOutput);
  };
  child.stdout?.setEncoding('utf8').on('data', keep);
  child.stderr?.setEncoding('utf8').on('data', keep);
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    target,
    isAlive,
    lastOutput: () => output,
    stop: async () => {
      process.off('exit', kill);
      if (isAlive()) {
        const exited = once(child, 'exit');
        kill();
        await exited;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
