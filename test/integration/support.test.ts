// What the other tests lean on.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startChild } from '../support/child.ts';
import { runHeadwater, startHeadwater } from '../support/headwater.ts';
import { startRedis } from '../support/redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const stubborn = `process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000);`;

function startNode(code: string) {
  return startChild({ name: 'node', program: process.execPath, args: ['--eval', code] });
}

it('a program that ignores the request to stop is killed, with what it started', async () => {
  const code = `
    const { spawn } = require('node:child_process');
    const child = spawn(process.execPath, ['--eval', ${JSON.stringify(stubborn)}], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.on('data', () => console.log(child.pid));
    ${stubborn}`;
  const child = startNode(code);
  const grandchild = await waitUntil(
    'the program has started its own',
    () => /^\d+$/m.exec(child.stdout)?.[0],
  );
  expect(await child.stop({ timeoutMs: 50 })).toEqual({ code: null, signal: 'SIGKILL' });
  await waitUntil('the program it started is gone', () => !isAlive(Number(grandchild)));
});

it('a program that ends by itself leaves its exit code and all its output', async () => {
  const child = startNode(`console.log('out'); console.error('err'); process.exitCode = 3;`);
  expect(await child.exited).toEqual({ code: 3, signal: null });
  expect([child.stdout, child.stderr]).toEqual(['out\n', 'err\n']);
});

it('a program that does not exist ends with 127 and says so', async () => {
  const child = startChild({ name: 'nothing', program: '/nonexistent', args: [] });
  expect(await child.exited).toEqual({ code: 127, signal: null });
  expect(child.stderr).toContain('ENOENT');
});

it('waiting in vain says for what', async () => {
  const never = waitUntil('the sky falls', () => false, { timeoutMs: 30, intervalMs: 5 });
  await expect(never).rejects.toThrow('waited 30 ms in vain until the sky falls');
  expect(await waitUntil('zero counts as found', () => delay(1, 0))).toBe(0);
});

it('a Redis of the test answers', async () => {
  const redis = await startRedis();
  const { hostname, port } = new URL(redis.url);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  socket.write('PING\r\n');
  expect((await once(socket, 'data'))[0]).toBe('+PONG\r\n');
  socket.destroy();
});

it('a node that is started is ready on every port, and stops cleanly', async () => {
  const node = await startHeadwater();
  expect(node.ready).toMatchObject({ pid: node.child.pid, roles: ['origin', 'edge', 'router'] });
  expect((await fetch(node.adminUrl('/healthz'))).status).toBe(200);
  expect(node.logs().map(({ msg }) => msg)).toContain('node is ready');
  await node.stop();
  expect(node.child.exit).toEqual({ code: 0, signal: null });
});

it('a node that cannot start is reported with what it said', async () => {
  await expect(startHeadwater({ set: { 'rtmp.prt': 1 } })).rejects.toThrow('did you mean rtmp.port?');
  expect((await runHeadwater(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+/);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
