// A folder of the node's own for the sockets between it and its workers, which only its user can enter.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@headwater/contracts';

// What an address of a Unix domain socket has room for on every system, without its end mark (unix(7), `sun_path`).
const maxPathBytes = 103;
const longestName = 'http-256-4194304';

/** Makes it. Throws `address_unusable` with what to do about it. */
export function makeSocketFolder(parent: string = tmpdir()): string {
  const folder = make(parent);
  if (Buffer.byteLength(join(folder, longestName)) <= maxPathBytes) return folder;
  removeSocketFolder(folder);
  throw unusable(parent, 'its path is too long for sockets: set TMPDIR to a folder with a shorter path');
}

/** Removes it with all that is in it. Twice does nothing. */
export function removeSocketFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

function make(parent: string): string {
  try {
    // Only its maker can enter it, whatever the umask.
    return mkdtempSync(join(parent, 'headwater-'));
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const why = `workers need a folder for sockets, which cannot be made there (${code}): set TMPDIR to a folder that can be written to`;
    throw unusable(parent, why, cause);
  }
}

function unusable(address: string, reason: string, cause?: unknown): AppError {
  return new AppError('address_unusable', {
    details: { address, reason },
    ...(cause === undefined ? {} : { cause }),
  });
}
