// The image of deploy/Dockerfile, built and started without a container engine. In place of a base image from a registry there is
// this machine's Node. The stage that builds is run here, on what is built already: its first command has run, and the others
// are taken from the file as they are.
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Child, runChild, startChild } from '../support/child.ts';
import { runHeadwater } from '../support/headwater.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

const root = resolve(import.meta.dirname, '../..');
const image = 'localhost/headwater';
const timeoutMs = 240_000;

/** What the configuration of an image says. */
interface ImageConfig {
  readonly User: string;
  readonly WorkingDir: string;
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Env: readonly string[];
  readonly ExposedPorts: Readonly<Record<string, object>>;
  readonly Labels: Readonly<Record<string, string>>;
}

let folder = '';

async function buildah(...args: readonly string[]): Promise<string> {
  return (await runChild(buildahCommand(args))).stdout.trim();
}

function buildahCommand(args: readonly string[]) {
  const places = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run')];
  const env = { STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' };
  return { name: 'buildah', program: 'buildah', args: [...places, ...args], env };
}

/** An image that has what is in a folder, and nothing else. */
async function imageOf(name: string, content: string): Promise<void> {
  const container = await buildah('from', 'scratch');
  await buildah('copy', container, content, '/');
  await buildah('config', '--env', 'PATH=/usr/local/bin', container);
  await buildah('commit', '--quiet', '--rm', container, name);
}

/** This machine's Node with the libraries that it is linked to: no shell, no package manager. */
async function layOutNode(target: string): Promise<void> {
  const ldd = await runChild({ name: 'ldd', program: 'ldd', args: [process.execPath] });
  const libraries = Array.from(ldd.stdout.matchAll(/(\/\S+) \(0x/g), (match) => match[1] ?? '');
  for (const file of [process.execPath, ...libraries]) {
    const to = file === process.execPath ? join(target, 'usr/local/bin/node') : join(target, file);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(file, to);
  }
  await mkdir(join(target, 'tmp'), { recursive: true });
}

/** The instructions of the stage that builds, continued lines joined. */
function buildStageOf(dockerfile: string): readonly string[] {
  const [, stage = ''] = /^FROM \S+ AS build\n(.*?)^FROM /ms.exec(dockerfile) ?? [];
  const lines = stage.replaceAll(/\\\n\s*/g, '').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

/** Runs what the stage runs after the build, with what it leaves in /app in a folder. */
async function layOutProgram(dockerfile: string, target: string): Promise<void> {
  const [workdir, copy, build, ...rest] = buildStageOf(dockerfile);
  expect([workdir, copy, build]).toEqual(['WORKDIR /src', 'COPY . .', 'RUN npm run build']);
  expect(rest).not.toEqual([]);
  for (const instruction of rest) {
    const [, command = ''] = /^RUN (.*)$/.exec(instruction) ?? [];
    expect(command, instruction).not.toBe('');
    const script = command.replaceAll(/(?<= )\/app\b/g, join(target, 'app'));
    // All is in the store of this machine.
    const env = { npm_config_offline: 'true' };
    await runChild({ name: 'build stage', program: 'sh', args: ['-c', script], cwd: root, env });
  }
}

async function configOf(name: string): Promise<ImageConfig> {
  const { OCIv1 } = JSON.parse(await buildah('inspect', '--type', 'image', name)) as {
    OCIv1: { config: ImageConfig };
  };
  return OCIv1.config;
}

beforeAll(async () => {
  folder = await tempFolder();
  await layOutNode(join(folder, 'node'));
  await imageOf('localhost/node', join(folder, 'node'));
  const dockerfile = await readFile(join(root, 'deploy/Dockerfile'), 'utf8');
  await layOutProgram(dockerfile, join(folder, 'program'));
  await imageOf('localhost/program', join(folder, 'program'));
  const context = join(folder, 'context');
  await mkdir(context);
  expect(dockerfile).toContain('COPY --from=build ');
  await writeFile(
    join(context, 'Dockerfile'),
    dockerfile.replace('--from=build ', '--from=localhost/program '),
  );
  const given = ['NODE_IMAGE=localhost/node', 'VERSION=1.2.3', 'REVISION=abcdef'];
  const build = ['build', '--pull-never', '--file', join(context, 'Dockerfile'), '--tag', image];
  await buildah(...build, ...given.flatMap((argument) => ['--build-arg', argument]), context);
}, timeoutMs);

/** Starts the image as an engine does: its entrypoint, as its user, with other arguments for its command. */
async function startImage(args: readonly string[]): Promise<Child> {
  const { Entrypoint, WorkingDir } = await configOf(image);
  const container = await buildah('from', image);
  const run = ['run', '--workingdir', WorkingDir, container, '--', ...Entrypoint, ...args];
  return startChild(buildahCommand(run));
}

describe('the image', () => {
  it('says what it is, who it runs as, where it listens, and takes the role as its argument', async () => {
    const config = await configOf(image);
    expect(config).toMatchObject({
      User: '10001:10001',
      Entrypoint: ['node', '--enable-source-maps', 'dist/main.js'],
      Cmd: ['all'],
      WorkingDir: '/app',
    });
    expect(config.Env).toContain('NODE_ENV=production');
    expect(Object.keys(config.ExposedPorts).map((port) => Number.parseInt(port, 10))).toEqual(
      expect.arrayContaining([1935, 8080, 9090, 50_051]),
    );
    expect(config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'Headwater',
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.version': '1.2.3',
      'org.opencontainers.image.revision': 'abcdef',
    });
  });

  it(
    'runs as that user, streams, and ends cleanly when it is told to',
    async () => {
      const loopback = ['rtmp', 'http', 'admin', 'relay'].flatMap((name) => ['--set', `${name}.port=0`]);
      // Other tests run beside it, so that its loop may be busy for a while.
      const patient = ['--set', 'limits.loopBusy=0'];
      const child = await startImage(['all', '--set', 'bind=127.0.0.1', ...loopback, ...patient]);
      const ready = await waitUntil(
        'the program in the container is ready',
        () => {
          if (child.exit !== undefined) throw new Error(child.tail());
          const line = child.stdout.split('\n').find((text) => text.includes('"msg":"node is ready"'));
          return line === undefined
            ? undefined
            : (JSON.parse(line) as { ready: Record<string, string> }).ready;
        },
        { timeoutMs: 60_000 },
      );
      const pid = Number(ready['pid']);
      expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\t10001\t10001\t10001\t10001$/m);
      const publish = `rtmp://${ready['rtmp'] ?? ''}/live/cam1`;
      const play = `http://${ready['http'] ?? ''}/live/cam1.flv`;
      const check = await runHeadwater(['check', '--publish', publish, '--play', play]);
      expect(check.code, check.stderr).toBe(0);
      process.kill(pid, 'SIGTERM');
      expect(await child.exited).toEqual({ code: 0, signal: null });
    },
    timeoutMs,
  );
});
