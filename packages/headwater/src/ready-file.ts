// Tells tools and tests that the node accepts, and where.
import { accessSync, constants, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { NodeAddresses } from './bound-addresses.ts';
import { CliError } from './cli/failure.ts';
import { exitCode } from './exit-code.ts';

/** What the ready file and the ready line of the log say. */
export interface ReadyInfo extends NodeAddresses {
  readonly pid: number;
  readonly nodeId: string;
  readonly roles: readonly string[];
}

/** The file of `--ready-file`: there, complete, exactly while the node accepts. */
export class ReadyFile {
  readonly #path: string;

  /** Removes what an earlier run left. Throws `CliError` when the file could not be written later. */
  constructor(path: string) {
    this.#path = resolve(path);
    try {
      accessSync(dirname(this.#path), constants.W_OK);
      rmSync(this.#path, { force: true });
    } catch (error) {
      throw new CliError(exitCode.usage, `--ready-file ${path}: ${(error as Error).message}`);
    }
  }

  /** Readers see the whole file or none. */
  write(info: ReadyInfo): void {
    const partial = `${this.#path}.${process.pid}.tmp`;
    writeFileSync(partial, `${JSON.stringify(info)}\n`);
    renameSync(partial, this.#path);
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }
}
