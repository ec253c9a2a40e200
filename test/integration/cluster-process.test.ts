// What `npm run cluster` does to a process it does to the workers of that process as well.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ClusterProcess } from '../../deploy/local/cluster-process.mjs';
import { defer } from '../support/cleanup.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

/** The letter of /proc for what a process does; undefined when there is none any more. */
async function stateOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => '');
  const letter = /\) (\w)/.exec(stat)?.[1];
  return letter === 'Z' ? undefined : letter;
}

it('a process that is frozen, thawed or killed takes its workers along', async () => {
  const folder = await tempFolder();
  const pidFile = join(folder, 'worker.pid');
  const worker = async (): Promise<number> => Number(await readFile(pidFile, 'utf8').catch(() => ''));
  const owner = new ClusterProcess({
    name: 'edge-1',
    program: 'sh',
    args: ['-c', `sleep 1000 & echo $! > ${pidFile}; wait`],
    logFile: join(folder, 'edge-1.log'),
    mark: pidFile,
    isReady: async () => (await worker()) > 0,
    onChange: () => undefined,
    onUnexpectedExit: () => undefined,
  });
  defer(async () => owner.kill());
  await owner.start();
  const pid = await worker();
  const isWorker = async (state: string | undefined): Promise<void> => {
    await waitUntil(`the worker is ${String(state)}`, async () => (await stateOf(pid)) === state);
  };
  await isWorker('S');
  owner.freeze();
  await isWorker('T');
  owner.thaw();
  await isWorker('S');
  await owner.kill();
  await isWorker(undefined);
  expect(owner.state).toBe('stopped');
});
