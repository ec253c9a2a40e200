import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReadyInfo } from './ready-file.ts';
import { runToEnd, spawnProgram, type SpawnedProgram } from './testing/spawn-program.ts';

const loopback = ['bind=127.0.0.1', 'rtmp.port=0', 'http.port=0', 'admin.port=0', 'relay.port=0'].flatMap(
  (value) => ['--set', value],
);
const patience = { timeout: 20_000, interval: 50 };
const started: SpawnedProgram[] = [];
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-main-'));
});
afterAll(() => {
  for (const { child } of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

async function startNode(
  name: string,
  nodeArgs: string[] = [],
): Promise<{ program: SpawnedProgram; ready: ReadyInfo; readyFile: string }> {
  const readyFile = join(folder, `${name}.json`);
  const args = ['all', ...loopback, '--set', 'node.id=n1', '--ready-file', readyFile];
  const program = spawnProgram(args, { nodeArgs });
  started.push(program);
  await expect.poll(() => existsSync(readyFile) || program.child.exitCode !== null, patience).toBe(true);
  expect(program.output.stderr).toBe('');
  return { program, ready: JSON.parse(readFileSync(readyFile, 'utf8')) as ReadyInfo, readyFile };
}

describe('headwater', { timeout: 60_000 }, () => {
  it('ends with 69 and says which key to change when a port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await expect.poll(() => other.listening).toBe(true);
    const { port } = other.address() as AddressInfo;
    const end = await runToEnd(['all', ...loopback, '--set', `rtmp.port=${port}`]);
    other.close();
    expect(end.code).toBe(69);
    expect(end.stderr).toContain(`headwater: rtmp: cannot listen on 127.0.0.1:${port}: the port is in use`);
    expect(end.stderr).toContain('--set rtmp.port=PORT');
  });

  it('runs a node until SIGTERM, and tells where it listens', async () => {
    const { program, ready, readyFile } = await startNode('run');
    expect(ready).toMatchObject({
      pid: program.child.pid,
      nodeId: 'n1',
      roles: ['origin', 'edge', 'router'],
    });
    // The ready file may be there a moment before the line has left the process.
    const readyLine = (): string | undefined =>
      program.output.stdout.split('\n').find((text) => text.includes('node is ready') && text.endsWith('}'));
    await expect.poll(readyLine).toBeDefined();
    expect(JSON.parse(readyLine() ?? '')).toMatchObject({ level: 'info', ready });
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(0);
    expect(existsSync(readyFile)).toBe(false);
  });

  it('logs a fault that nobody caught and ends with 1', async () => {
    const fault = "process.on('SIGUSR2', () => { throw new Error('planted fault'); })";
    const { program } = await startNode('fault', [
      '--import',
      `data:text/javascript,${encodeURIComponent(fault)}`,
    ]);
    program.child.kill('SIGUSR2');
    expect(await program.exited).toBe(1);
    const line = program.output.stdout.trimEnd().split('\n').at(-1) ?? '';
    expect(JSON.parse(line)).toMatchObject({
      level: 'fatal',
      msg: 'uncaught exception',
      err: { message: 'planted fault', stack: expect.stringContaining('planted fault') as string },
    });
  });

  it('runs on when nobody reads its log any more', async () => {
    const { program, ready } = await startNode('unread');
    program.child.stdout?.destroy();
    program.child.stderr?.destroy();
    const response = await fetch(`http://${ready.admin ?? ''}/healthz`);
    expect(response.status).toBe(200);
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(0);
  });

  it('publishes the built-in clip until SIGINT', async () => {
    const { program, ready } = await startNode('demo');
    const demo = spawnProgram(['demo', '--clip', '--url', `rtmp://${ready.rtmp ?? ''}/live/demo`]);
    started.push(demo);
    const stream = async (): Promise<unknown> => {
      const response = await fetch(`http://${ready.admin ?? ''}/api/v1/streams/live/demo`);
      return response.json();
    };
    await expect.poll(stream, patience).toMatchObject({ state: 'live', codecs: ['avc1', 'mp4a'] });
    demo.child.kill('SIGINT');
    expect(await demo.exited).toBe(0);
    program.child.kill('SIGINT');
    expect(await program.exited).toBe(0);
  });
});
