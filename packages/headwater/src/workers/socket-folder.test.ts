import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@headwater/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failureOf } from '../cli/failure.ts';
import { ServiceStartError } from '../service.ts';
import { makeSocketFolder, removeSocketFolder } from './socket-folder.ts';

let parent: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'hw-test-'));
});

afterEach(() => {
  rmSync(parent, { recursive: true, force: true });
});

function failure(folder: string): string {
  try {
    makeSocketFolder(folder);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    return failureOf(new ServiceStartError('workers', error)).text;
  }
  throw new Error('it was made');
}

describe('the folder for sockets', () => {
  it('can be entered by its user only, and goes with all that is in it', () => {
    const before = process.umask(0);
    const folder = makeSocketFolder(parent);
    process.umask(before);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    writeFileSync(join(folder, 'relay'), '');
    removeSocketFolder(folder);
    removeSocketFolder(folder);
    expect(existsSync(folder)).toBe(false);
  });

  it('says what to set where it cannot be made', () => {
    writeFileSync(join(parent, 'file'), '');
    const text = failure(join(parent, 'file'));
    expect(text).toContain(join(parent, 'file'));
    expect(text).toContain('set TMPDIR to a folder that can be written to');
  });

  it('says what to set where its path is longer than a socket may have, and leaves nothing there', () => {
    const deep = join(parent, 'x'.repeat(90));
    mkdirSync(deep);
    expect(failure(deep)).toContain('set TMPDIR to a folder with a shorter path');
    expect(readdirSync(deep)).toEqual([]);
  });
});
