import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { StreamRate } from '../load/synthetic-stream.ts';
import type { CorePlan } from '../measure/machine.ts';
import { OwnedProcess } from '../measure/owned-process.ts';
import type { Contender, RunningServer, StartOptions } from './contender.ts';

/** What is measured, and with what. */
export interface ServerPlan {
  readonly contender: Contender;
  readonly rate: StreamRate;
  readonly cores: CorePlan;
}

/** A server for as long as something is measured with it. */
export interface MeasuredServer {
  readonly server: RunningServer;
  /** Its working directory, its own. */
  readonly directory: string;
  /** Has a process of the load end before the server does. */
  readonly own: <Load extends Pick<OwnedProcess, 'stop'>>(load: Load) => Load;
}

/** Starts the server, and ends it with all its load when `run` has settled; leaves no process and no file behind. */
export async function withServer<T>(
  { contender, rate, cores }: ServerPlan,
  run: (measured: MeasuredServer) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'headwater-bench-'));
  const owned: Pick<OwnedProcess, 'stop'>[] = [];
  const own = <Load extends Pick<OwnedProcess, 'stop'>>(load: Load): Load => {
    owned.push(load);
    return load;
  };
  try {
    const launchIn =
      (cwd: string, core: number | undefined): StartOptions['launch'] =>
      (options) => {
        mkdirSync(cwd, { recursive: true });
        return own(new OwnedProcess({ ...options, core, cwd }));
      };
    const server = await contender.start({
      directory,
      rate,
      launch: launchIn(directory, cores.server),
      // Whatever has a probe in the server's own directory is measured.
      launchAside: launchIn(path.join(directory, 'aside'), cores.load),
    });
    return await run({ server, directory, own });
  } finally {
    for (const process of owned.toReversed()) await process.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
