import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Gives a process that leads a session of its own the precedence that this one was started with: Linux shares time out
 * among sessions, so that it would not have it otherwise. Nothing where there is none, or no such sharing.
 */
export function passOnPrecedence(pid: number): void {
  try {
    const nice = /nice (-?\d+)/.exec(readFileSync('/proc/self/autogroup', 'utf8'))?.[1] ?? '0';
    if (nice !== '0') writeFileSync(`/proc/${String(pid)}/autogroup`, nice);
  } catch {
    // Another system, another user, or the process has ended: it runs as every other one.
  }
}
