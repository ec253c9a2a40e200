// The scripts behind `npm start`, run in a small workspace of their own: deploy/local finds its checkout by its own place.
import { cp, mkdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Child, runChild, startChild } from '../support/child.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = resolve(import.meta.dirname, '../..');

let checkout = '';

beforeEach(async () => {
  checkout = await tempFolder();
  await cp(join(root, 'deploy/local'), join(checkout, 'deploy/local'), { recursive: true });
});

/** Runs JavaScript with `lib` being one of the scripts. */
async function evaluate(script: string, code: string): Promise<Child> {
  const child = startEvaluating(script, code);
  await child.exited;
  return child;
}

function startEvaluating(script: string, code: string): Child {
  const source = `const lib = await import('./deploy/local/${script}');\n${code}`;
  const args = ['--input-type=module', '--eval', source];
  return startChild({ name: script, program: process.execPath, args, cwd: checkout });
}

describe('the build', () => {
  const source = 'packages/one/src/index.ts';

  beforeEach(async () => {
    await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'));
    await mkdir(join(checkout, 'packages/one/src'), { recursive: true });
    const fast = { lib: ['ES2023'], types: [], skipLibCheck: true };
    const files = { outDir: 'dist', rootDir: 'src', tsBuildInfoFile: 'dist/.tsbuildinfo' };
    const compilerOptions = { composite: true, ...fast, ...files };
    await writeJson('tsconfig.json', { files: [], references: [{ path: 'packages/one' }] });
    await writeJson('packages/one/tsconfig.json', { compilerOptions, include: ['src'] });
    await writeFile(join(checkout, source), 'export const one = 1;\n');
  });

  async function writeJson(file: string, value: unknown): Promise<void> {
    await writeFile(join(checkout, file), JSON.stringify(value));
  }

  async function build(): Promise<Child> {
    return evaluate('build.mjs', 'await lib.ensureBuilt();');
  }

  it('happens once, and says nothing when there is nothing to do', async () => {
    expect((await build()).stderr).toBe('headwater: building …\n');
    expect(await readFile(join(checkout, 'packages/one/dist/index.js'), 'utf8')).toContain('one = 1');
    const again = await build();
    expect([again.exit?.code, again.stdout, again.stderr]).toEqual([0, '', '']);
  });

  it('does not happen when a file was touched but says the same', async () => {
    await build();
    await utimes(join(checkout, source), new Date(), new Date(0));
    expect((await build()).stderr).toBe('');
  });

  it('happens when a source changed, was added, or the output is gone', async () => {
    await build();
    await writeFile(join(checkout, source), 'export const one = 2;\n');
    expect((await build()).stderr).toContain('building');
    await writeFile(join(checkout, 'packages/one/src/two.ts'), 'export const two = 2;\n');
    expect((await build()).stderr).toContain('building');
    await rm(join(checkout, 'packages/one/dist'), { recursive: true });
    expect((await build()).stderr).toContain('building');
    expect((await build()).stderr).toBe('');
  });

  it('does not count as done when it failed, and shows what the compiler said', async () => {
    await writeFile(join(checkout, source), 'export const one: string = 1;\n');
    const failed = await build();
    expect(failed.exit?.code).not.toBe(0);
    expect(failed.stderr).toContain("Type 'number' is not assignable to type 'string'");
    expect((await build()).exit?.code).not.toBe(0);
  });
});

describe('the lock', () => {
  const append = `import { appendFileSync } from 'node:fs';`;

  it('lets one process work at a time', async () => {
    const code = `${append}
      await lib.withLock('test', async () => {
        appendFileSync('log', 'in ');
        await new Promise((done) => setTimeout(done, 30));
        appendFileSync('log', 'out ');
      });`;
    const children = Array.from({ length: 5 }, () => startEvaluating('lock.mjs', code));
    await Promise.all(children.map(async (child) => child.exited));
    expect(await readFile(join(checkout, 'log'), 'utf8')).toBe('in out '.repeat(5));
  });

  it('is taken over from a process that died with it', async () => {
    const dead = await evaluate('lock.mjs', `await lib.withLock('test', () => process.exit(0));`);
    expect(await readFile(join(checkout, '.cache/test.lock'), 'utf8')).toBe(String(dead.pid));
    const code = `${append} await lib.withLock('test', async () => appendFileSync('log', 'in '));`;
    const children = Array.from({ length: 5 }, () => startEvaluating('lock.mjs', code));
    await Promise.all(children.map(async (child) => child.exited));
    expect(await readFile(join(checkout, 'log'), 'utf8')).toBe('in '.repeat(5));
  });
});

describe('the entry', () => {
  it('says which Node it needs when this one is too old', async () => {
    const pretend = `Object.defineProperty(process.versions, 'node', { value: '20.18.9' });`;
    const child = await evaluate('step.mjs', `${pretend} await import('./deploy/local/run.mjs');`);
    expect(child.exit?.code).toBe(1);
    expect(child.stderr).toContain('needs Node 20.19 or newer, this is 20.18.9');
  });

  it('refuses an unknown command with the list of known ones', async () => {
    const args = [join(root, 'deploy/local/run.mjs'), 'nonsense'];
    const child = startChild({ name: 'run.mjs', program: process.execPath, args });
    expect((await child.exited).code).toBe(2);
    expect(child.stderr).toContain("unknown command 'nonsense'");
    expect(child.stderr).toContain('headwater|cluster|build|check|test|bench');
    expect(child.stdout).toBe('');
  });
});

describe('the count of a test report', () => {
  const reportArgs = ['deploy/local/test-report.mjs'];

  async function write(report: string, files: Readonly<Record<string, readonly string[]>>): Promise<void> {
    const testResults = Object.entries(files).map(([path, statuses]) => ({
      name: join(checkout, path),
      status: statuses.every((status) => status === 'passed') ? 'passed' : 'failed',
      message: '',
      assertionResults: statuses.map((status) => ({ fullName: status, status })),
    }));
    await writeFile(join(checkout, report), JSON.stringify({ testResults }));
  }

  async function report(...args: string[]): Promise<string> {
    const child = {
      name: 'report',
      program: process.execPath,
      args: [...reportArgs, ...args],
      cwd: checkout,
    };
    return (await runChild(child)).stdout;
  }

  it('takes a test that was skipped or only planned for one that failed', async () => {
    await write('report.json', { 'test/a.test.ts': ['passed', 'passed'] });
    expect(await report('report.json')).toBe('2 0\n');
    await write('report.json', { 'test/a.test.ts': ['passed', 'failed', 'pending', 'skipped', 'todo'] });
    expect(await report('report.json')).toBe('1 4\n');
  });

  it('takes a file without tests for one that failed', async () => {
    await write('report.json', { 'test/a.test.ts': [] });
    expect(await report('report.json')).toBe('0 1\n');
  });

  it('lets the second run of a file count for it, and for no other', async () => {
    await write('report.json', { 'test/a.test.ts': ['failed', 'passed'], 'packages/b.test.ts': ['failed'] });
    await write('again.json', { 'test/a.test.ts': ['passed', 'passed'] });
    expect(await report('report.json', 'again.json')).toBe('2 1\n');
    await write('again.json', { 'test/a.test.ts': ['failed', 'passed'] });
    expect(await report('report.json', 'again.json')).toBe('1 2\n');
  });

  it('offers a second run to three files of real processes at most, and to no unit test', async () => {
    const failed = ['failed'];
    await write('report.json', {
      'test/a.test.ts': failed,
      'test/b.test.ts': [],
      'test/c.test.ts': ['passed'],
    });
    expect(await report('--again', 'report.json')).toBe('test/a.test.ts\ntest/b.test.ts\n');
    await write('report.json', { 'test/a.test.ts': failed, 'packages/b.test.ts': failed });
    expect(await report('--again', 'report.json')).toBe('');
    const many = ['a', 'b', 'c', 'd'].map((name) => [`test/${name}.test.ts`, failed] as const);
    await write('report.json', Object.fromEntries(many));
    expect(await report('--again', 'report.json')).toBe('');
  });
});
