// Programs from another Debian suite, without installing them: the package and all that it depends on (its own C library
// included) are fetched from the mirror that this machine's apt uses already, checked by apt as always, and unpacked into
// .cache. A wrapper starts the program through the unpacked loader, so that nothing of the system is mixed in.
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { withLock } from './lock.mjs';
import { StepFailed, cacheFolder, capture, say } from './step.mjs';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * Makes `programs` of a package from another suite startable; quick when they are there already.
 * @param {{ suite: string, package: string, programs: string[] }} wanted
 * @returns {Promise<string>} the folder with a wrapper for each program
 * @throws {StepFailed} where there is no apt, no mirror, or no such package
 */
export async function programsFromSuite(wanted) {
  const folder = resolve(cacheFolder, 'debian', `${wanted.suite}-${wanted.package}`);
  const wrappers = resolve(folder, 'wrappers');
  if (await exists(wrappers)) return wrappers;
  return withLock(`debian-${wanted.suite}`, async () => {
    if (await exists(wrappers)) return wrappers;
    say(`unpacking ${wanted.package} of Debian ${wanted.suite} …`);
    await mkdir(resolve(cacheFolder, 'debian'), { recursive: true });
    const work = await mkdtemp(resolve(cacheFolder, 'debian', 'work-'));
    try {
      const unpacked = await unpack(wanted, work);
      await rm(folder, { recursive: true, force: true });
      await rename(unpacked, folder);
      await writeWrappers(folder, wanted.programs);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    return wrappers;
  });
}

/**
 * @param {{ suite: string, package: string }} wanted
 * @param {string} work
 */
async function unpack(wanted, work) {
  const [lists, archives, unpacked] = [
    resolve(work, 'lists'),
    resolve(work, 'archives'),
    resolve(work, 'root'),
  ];
  await Promise.all([lists, archives].map((path) => mkdir(resolve(path, 'partial'), { recursive: true })));
  await mkdir(unpacked);
  const sources = resolve(work, 'suite.sources');
  const fields = ['Types: deb', `URIs: ${await mirror()}`, `Suites: ${wanted.suite}`, 'Components: main'];
  await writeFile(sources, `${[...fields, `Signed-By: ${keyring}`].join('\n')}\n`);
  // An empty status file: nothing counts as installed, so every dependency is fetched.
  const status = resolve(work, 'status');
  await writeFile(status, '');
  const settings = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::State': work,
    'Dir::State::Lists': lists,
    'Dir::State::status': status,
    'Dir::Cache': work,
    'Dir::Cache::archives': archives,
    'APT::Sandbox::User': 'root',
    'APT::Install-Recommends': 'false',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  };
  const apt = ['-qq', '-y', ...Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])];
  await mustSucceed('apt-get', [...apt, 'update']);
  await mustSucceed('apt-get', [...apt, '--download-only', 'install', wanted.package]);
  const packages = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
  for (const name of packages) {
    await mustSucceed('dpkg-deb', ['--extract', resolve(archives, name), unpacked]);
  }
  return unpacked;
}

/** The archive that this machine's apt is set up with. */
async function mirror() {
  const { output } = await mustSucceed('apt-get', ['indextargets', '--format', '$(COMPONENT) $(REPO_URI)']);
  const uris = output.split('\n').filter((line) => line.startsWith('main ') && /\/debian\/?$/.test(line));
  const uri = uris[0]?.slice('main '.length);
  if (uri === undefined) throw new StepFailed('apt knows no Debian archive to fetch packages from');
  return uri;
}

/**
 * @param {string} folder
 * @param {string[]} programs
 */
async function writeWrappers(folder, programs) {
  const shared = await sharedLibraries(folder);
  const loader = shared.find((entry) => /^ld-linux.*\.so\.\d+$/.test(entry.name));
  if (loader === undefined) throw new StepFailed(`no loader among the packages in ${folder}`);
  const loaderPath = resolve(loader.parentPath, loader.name);
  // Loaders older than glibc 2.33 do not know it; the program is then called by its path.
  const { output } = await capture(loaderPath, ['--help']);
  const knowsName = output.includes('--argv0');
  const path = [...new Set(shared.map((entry) => entry.parentPath))].join(':');
  const staging = resolve(folder, 'wrappers.new');
  await mkdir(staging);
  for (const program of programs) {
    const name = knowsName ? ` --argv0 ${program}` : '';
    const start = `exec '${loaderPath}'${name} --library-path '${path}'`;
    const script = `#!/bin/sh\n${start} '${resolve(folder, 'usr/bin', program)}' "$@"\n`;
    await writeFile(resolve(staging, program), script, { mode: 0o755 });
  }
  // Last of all and at once: its presence says that everything before it is complete.
  await rename(staging, resolve(folder, 'wrappers'));
}

/**
 * Up to bullseye, the C library and others were packaged outside of /usr.
 * @param {string} folder
 */
async function sharedLibraries(folder) {
  const found = [];
  for (const place of ['usr/lib', 'lib']) {
    const path = resolve(folder, place);
    if (!(await exists(path))) continue;
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    found.push(...entries.filter((entry) => entry.name.includes('.so')));
  }
  return found;
}

/**
 * @param {string} program
 * @param {string[]} args
 */
async function mustSucceed(program, args) {
  const result = await capture(program, args).catch((/** @type {unknown} */ error) => ({
    code: 127,
    output: String(error),
  }));
  if (result.code === 0) return result;
  throw new StepFailed(`${program} failed:\n${result.output}`);
}

/** @param {string} path */
async function exists(path) {
  return stat(path).then(
    () => true,
    () => false,
  );
}
