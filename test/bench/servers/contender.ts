import type { OwnedProcess, OwnedProcessOptions } from '../measure/owned-process.ts';
import type { StreamRate } from '../load/synthetic-stream.ts';
import type { ViewerFormat } from '../load/viewer.ts';

/** Where a server is to run. */
export interface StartOptions {
  /** An empty directory of its own, removed afterwards. */
  readonly directory: string;
  /** The stream that will be watched: for servers that make it themselves. */
  readonly rate: StreamRate;
  /** Starts the server's process on the core that is meant for it; it is stopped after the run, also when `start` fails. */
  readonly launch: (options: Pick<OwnedProcessOptions, 'title' | 'command' | 'args'>) => OwnedProcess;
  /** Starts what the server needs and is not measured, on the core of the load. */
  readonly launchAside: StartOptions['launch'];
}

/** A server that accepts connections. */
export interface RunningServer {
  readonly process: OwnedProcess;
  readonly ports: Readonly<Partial<Record<ViewerFormat, number>>>;
  /** Where publishers go, if not to `ports.rtmp`. */
  readonly publishPort?: number;
  /** Where a Headwater node tells how it is. */
  readonly adminUrl?: string;
  /** False when the server makes the stream itself. */
  readonly needsPublisher: boolean;
}

/**
 * How long a server gathers frames before it writes them: what decides how much work it has, and how late viewers see. Only
 * servers of one class do the same work.
 */
export type LatencyClass = 'each frame' | '100 ms' | '350 ms';

/** A server that can be measured. */
export interface Contender {
  readonly name: string;
  readonly formats: readonly ViewerFormat[];
  /** What viewers append to the stream's name. */
  readonly query: string;
  /** Its class with that many viewers of a stream. */
  latencyClass(viewers: number): LatencyClass;
  /** Why it cannot run here, if so. */
  unavailable(): string | undefined;
  start(options: StartOptions): Promise<RunningServer>;
}

/** The interface all servers listen on. */
export const LOOPBACK = '127.0.0.1';
/** The application and stream that are published and played. */
export const APP = 'live';
/** See `APP`. */
export const STREAM = 'bench';
