// Every gate is shown a violation: a rule that never fails guards nothing. The violations are planted into a copy of the
// workspace; each must be reported in its own file, under its own rule.
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';

const root = resolve(import.meta.dirname, '../..');

/** A file to plant, and the rule that must object; none where the file is the other half of a violation. */
interface Plant {
  readonly file: string;
  readonly text: string;
  readonly rule?: string;
}

const functionOf = (lines: number): string =>
  `export function planted(): number {\n${'  Math.random();\n'.repeat(lines - 3)}  return 1;\n}\n`;

const dependencyPlants: readonly Plant[] = [
  {
    file: 'packages/origin/src/planted-sideways.ts',
    text: `import type {} from '@headwater/edge';\n`,
    rule: 'layers-origin',
  },
  {
    file: 'packages/router/src/planted-sideways.ts',
    text: `import '../../relay/src/index.ts';\n`,
    rule: 'layers-router',
  },
  {
    file: 'packages/media/src/planted-upwards.ts',
    text: `import '../../rtmp/src/index.ts';\n`,
    rule: 'layers-media',
  },
  {
    file: 'packages/contracts/src/planted-cycle-a.ts',
    text: `import type { B } from './planted-cycle-b.ts';\nexport type A = B | 1;\n`,
    rule: 'no-cycles',
  },
  {
    file: 'packages/contracts/src/planted-cycle-b.ts',
    text: `import type { A } from './planted-cycle-a.ts';\nexport type B = A | 2;\n`,
  },
  {
    file: 'packages/edge/src/planted-deep.ts',
    text: `import '@headwater/media/src/frame.ts';\n`,
    rule: 'not-to-unresolvable',
  },
  {
    file: 'packages/edge/src/planted-path.ts',
    text: `import '../../media/src/index.ts';\n`,
    rule: 'no-relative-path-out-of-a-package',
  },
  {
    file: 'packages/edge/src/planted-inside.ts',
    text: `import '../../media/src/frame.ts';\n`,
    rule: 'only-through-exports',
  },
  {
    file: 'test/support/planted-path.ts',
    text: `import '../../packages/media/src/frame.ts';\n`,
    rule: 'no-path-into-a-package-from-tests',
  },
  ...['contracts:fs/promises', 'media:timers', 'rtmp:net', 'rtmp:http'].map((both) => {
    const [name = '', module = ''] = both.split(':');
    return {
      file: `packages/${name}/src/planted-${module.replace('/', '-')}.ts`,
      text: `import 'node:${module}';\n`,
      rule: 'no-io-in-pure-packages',
    };
  }),
  ...[
    'edge:ioredis',
    'edge:mmdb-lib',
    'router:consul',
    'origin:@grpc/grpc-js',
    'edge:pino',
    'relay:prom-client',
    'origin:yaml',
  ].map((both) => {
    const [name = '', dependency = ''] = both.split(':');
    return {
      file: `packages/${name}/src/planted-${dependency.replace(/[^a-z-]/g, '')}.ts`,
      text: `import '${dependency}';\n`,
      rule: `only-in-its-home-${dependency.replace(/[^a-z-]/g, '')}`,
    };
  }),
  {
    file: 'packages/origin/src/planted-pull.ts',
    text: `import 'node-media-server';\n`,
    rule: 'only-in-its-home-node-media-server',
  },
  {
    file: 'packages/edge/src/planted-testing.ts',
    text: `import '@headwater/media/testing';\n`,
    rule: 'testing-entry-points-only-from-tests',
  },
  {
    file: 'packages/media/src/planted-testing.ts',
    text: `import './testing/index.ts';\n`,
    rule: 'testing-entry-points-only-from-tests',
  },
  { file: 'packages/planted/src/index.ts', text: `import 'node:os';\n`, rule: 'no-unknown-package' },
];

const lintPlants: readonly Plant[] = [
  { file: 'packages/edge/src/planted-default.ts', text: 'export default 1;\n', rule: 'no-restricted-syntax' },
  { file: 'packages/edge/src/planted-prefix.ts', text: `import 'fs';\n`, rule: 'no-restricted-syntax' },
  {
    file: 'packages/edge/src/planted-long.ts',
    text: `${'// line\n'.repeat(400)}export {};\n`,
    rule: 'max-lines',
  },
  { file: 'packages/edge/src/planted-function.ts', text: functionOf(81), rule: 'max-lines-per-function' },
  {
    file: 'packages/edge/src/planted-any.ts',
    text: 'export const planted: any = 1;\n',
    rule: '@typescript-eslint/no-explicit-any',
  },
  {
    file: 'packages/edge/src/planted-import.ts',
    text: `import { Frame } from '@headwater/media';\nexport type Planted = Frame;\n`,
    rule: '@typescript-eslint/consistent-type-imports',
  },
  {
    file: 'packages/edge/src/planted-floating.ts',
    text: 'Promise.resolve(1);\n',
    rule: '@typescript-eslint/no-floating-promises',
  },
  {
    file: 'packages/edge/src/planted-console.ts',
    text: `console.log('planted');\n`,
    rule: 'no-console',
  },
  {
    file: 'packages/edge/src/planted-env.ts',
    text: `export const planted = process.env['PLANTED'];\n`,
    rule: 'no-restricted-properties',
  },
  {
    file: 'packages/media/src/planted-now.ts',
    text: 'export const planted: number = Date.now();\n',
    rule: 'no-restricted-properties',
  },
  {
    file: 'packages/rtmp/src/planted-timer.ts',
    text: 'setTimeout(() => undefined, 1);\n',
    rule: 'no-restricted-globals',
  },
  ...['only', 'skip', 'todo'].map((modifier) => ({
    file: `packages/edge/src/planted-${modifier}.test.ts`,
    text: `import { it } from 'vitest';\nit.${modifier}('planted');\n`,
    rule: 'no-restricted-syntax',
  })),
];

let workspace = '';

describe('the gates', { timeout: 180_000 }, () => {
  beforeAll(async () => {
    workspace = await copyOfWorkspace();
    for (const { file, text } of [...dependencyPlants, ...lintPlants]) {
      await mkdir(dirname(join(workspace, file)), { recursive: true });
      await writeFile(join(workspace, file), text);
    }
  });

  it('report every import that breaks a rule', async () => {
    const config = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json'];
    const output = await run('dependency-cruiser/bin/dependency-cruise.mjs', [...config, 'packages', 'test']);
    const report = JSON.parse(output) as {
      summary: { violations: { from: string; rule: { name: string } }[] };
    };
    const found = new Set(report.summary.violations.map(({ from, rule }) => `${from}: ${rule.name}`));
    expect(missing(dependencyPlants, found)).toEqual([]);
  });

  it('report every line that breaks a lint rule', async () => {
    const output = await run('eslint/bin/eslint.js', [
      '--format',
      'json',
      ...lintPlants.map(({ file }) => file),
    ]);
    const report = JSON.parse(output) as { filePath: string; messages: { ruleId: string | null }[] }[];
    const found = new Set(
      report.flatMap(({ filePath, messages }) =>
        messages.map(({ ruleId }) => `${filePath.slice(workspace.length + 1)}: ${String(ruleId)}`),
      ),
    );
    expect(missing(lintPlants, found)).toEqual([]);
  });
});

function missing(plants: readonly Plant[], found: ReadonlySet<string>): readonly string[] {
  const expected = plants.flatMap(({ file, rule }) => (rule === undefined ? [] : [`${file}: ${rule}`]));
  return expected.filter((violation) => !found.has(violation));
}

/** Sources and settings, without what was built; third-party packages are shared with the original. */
async function copyOfWorkspace(): Promise<string> {
  const folder = await tempFolder();
  const settings = ['package.json', 'tsconfig.base.json', 'eslint.config.js', '.dependency-cruiser.cjs'];
  for (const file of [...settings, 'test/tsconfig.json', 'vitest.config.ts']) {
    await cp(join(root, file), join(folder, file));
  }
  for (const name of await readdir(join(root, 'packages'))) {
    await cp(join(root, 'packages', name), join(folder, 'packages', name), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !/\/packages\/[^/]+\/dist(\/|$)/.test(path),
    });
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  // The package manager would not even let these be imported; here they can, so that it is the rule that objects.
  await symlink('../../../edge', join(folder, 'packages/origin/node_modules/@headwater/edge'));
  return folder;
}

/** Runs a tool of the original in the copy; it is expected to fail, and to say why on its standard output. */
async function run(script: string, args: readonly string[]): Promise<string> {
  return new Promise((done) => {
    const options = { cwd: workspace, maxBuffer: 256 * 1024 * 1024 };
    execFile(process.execPath, [join(root, 'node_modules', script), ...args], options, (_, stdout) =>
      done(stdout),
    );
  });
}
