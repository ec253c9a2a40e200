import { execFileSync } from 'node:child_process';
import type { AbuseCase } from '../abuse-case.ts';
import { openDescriptors } from '../process-watch.ts';
import { elapsed, type RawConnection } from '../raw-connection.ts';

const stopMs = 5000;
const spareDescriptors = 12;

/** Trouble that comes from below: a process that does not run for a while, and one out of descriptors. */
export const processCases: readonly AbuseCase[] = [
  {
    number: 57,
    title: 'a process stopped for 5 s goes on with its streams when it wakes up',
    expect: { needs: ['pid'], maxGapMs: stopMs + 2000 },
    run: async (attack) => {
      const pid = attack.target.pid ?? 0;
      process.kill(pid, 'SIGSTOP');
      await elapsed(stopMs);
      process.kill(pid, 'SIGCONT');
      await elapsed(2000);
    },
  },
  {
    number: 58,
    title: 'a process out of file descriptors refuses newcomers and keeps serving',
    expect: { needs: ['pid'] },
    run: async (attack) => {
      const pid = attack.target.pid ?? 0;
      const before = limitOf(pid);
      const connections: RawConnection[] = [];
      setLimit(pid, String((openDescriptors(pid) ?? 0) + spareDescriptors));
      try {
        for (const listener of [
          attack.target.rtmp,
          attack.target.http,
          attack.target.admin,
          attack.target.relay,
        ]) {
          if (listener === undefined) continue;
          for (let opened = 0; opened < 40; opened += 1) connections.push(await attack.open(listener));
        }
        await elapsed(1500);
      } finally {
        for (const connection of connections) connection.reset();
        setLimit(pid, before);
      }
      await elapsed(500);
    },
  },
];

function limitOf(pid: number): string {
  return execFileSync('prlimit', [
    '--pid',
    String(pid),
    '--nofile',
    '--raw',
    '--noheadings',
    '--output',
    'SOFT',
  ])
    .toString()
    .trim();
}

function setLimit(pid: number, soft: string): void {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:`]);
}
