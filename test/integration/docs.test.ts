// Documents name files. A name that no longer exists misleads more than none.
import { access, readFile, readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

async function documents(): Promise<readonly string[]> {
  const top = (await readdir(root)).filter((name) => name.endsWith('.md'));
  const below = (await readdir(join(root, 'docs'), { recursive: true })).filter((name) =>
    name.endsWith('.md'),
  );
  return [...top, ...below.map((name) => join('docs', name))].filter((name) => !name.endsWith('template.md'));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function missingTargets(find: (text: string) => readonly string[], from: (file: string) => string) {
  const missing: string[] = [];
  for (const file of await documents()) {
    for (const target of find(await readFile(join(root, file), 'utf8'))) {
      if (!(await exists(join(from(file), target)))) missing.push(`${file}: ${target}`);
    }
  }
  return missing;
}

it('every file of the repository that a document names in backticks exists', async () => {
  const named = (text: string) =>
    Array.from(
      text.matchAll(/`((?:packages|test|deploy|docs)\/[A-Za-z0-9_./-]+\.(?:ts|tsx|mjs|md|proto))`/g),
      (match) => match[1] ?? '',
    );
  expect(await missingTargets(named, () => root)).toEqual([]);
});

it('every link from one document to a file leads somewhere', async () => {
  const linked = (text: string) =>
    Array.from(text.matchAll(/\]\((?!https?:|#|<)([^)#\s]+)(?:#[^)]*)?\)/g), (match) => match[1] ?? '');
  expect(await missingTargets(linked, (file) => join(root, dirname(file)))).toEqual([]);
});
