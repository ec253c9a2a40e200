// One type-aware lint for everything. All files belong to one TypeScript program (test/tsconfig.json), so that the
// types of the whole workspace are computed once and straight from the sources; the console has its own (DOM, JSX).
import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const testFiles = ['**/*.{test,bench}.ts', 'packages/*/src/testing/**/*.ts', 'test/**/*.{ts,mjs}'];
const scripts = ['deploy/**/*.mjs', 'helm/scripts/*.mjs', 'packages/*/scripts/**/*.mjs'];

/** Packages that do no I/O: bytes and time come in as arguments. */
const pureSources = ['packages/{contracts,media,rtmp}/src/**/*.ts'];

/** Packages that get plain options and never read the environment. */
const belowProgram = [
  'packages/{contracts,media,rtmp,cluster,relay,origin,edge,controller,router}/src/**/*.ts',
];

const noDefaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'Export by name: a default export has a different name in every importer.',
};
const nodePrefix = {
  selector:
    'ImportDeclaration[source.value=/^(assert|buffer|child_process|crypto|dgram|dns|events|fs|http|http2|https|net|os|path|perf_hooks|process|readline|stream|timers|tls|url|util|worker_threads|zlib)(\\u002F|$)/]',
  message: "Write built-in modules with the 'node:' prefix.",
};
const noFocusedTests = {
  selector:
    'CallExpression > MemberExpression.callee[object.name=/^(describe|it|test)$/][property.name=/^(only|skip|todo|skipIf|runIf|fails)$/]',
  message: 'Every test runs, always.',
};

/** Ambient time and I/O that a pure package must not reach for. */
const ambientGlobals = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'performance',
  'fetch',
];

export default defineConfig(
  globalIgnores(['**/dist/', '**/node_modules/', '**/generated/', 'coverage/', '.cache/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx', '**/*.mjs'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { project: ['test/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      complexity: ['error', 16],
      curly: ['error', 'multi-line'],
      eqeqeq: 'error',
      'max-depth': ['error', 4],
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 80 }],
      'max-params': ['error', 4],
      'no-console': 'error',
      'no-restricted-syntax': ['error', noDefaultExport, nodePrefix],
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'prefer-template': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/explicit-member-accessibility': ['error', { accessibility: 'no-public' }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'all' }],
      '@typescript-eslint/prefer-readonly': 'error',
      // An arrow that hands on a promise may do just that.
      '@typescript-eslint/promise-function-async': ['error', { checkArrowFunctions: false }],
      // TypeScript knows better which names exist.
      'no-undef': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      // isolatedDeclarations asks for the types that this rule would remove.
      '@typescript-eslint/no-inferrable-types': 'off',
      // A number or boolean in a template is what was meant.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // Arrow functions that hand on a void call read better in one line.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Index signatures are read with brackets (noPropertyAccessFromIndexSignature).
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
    },
  },
  {
    files: ['packages/console/**/*.{ts,tsx}'],
    ignores: ['packages/console/*.config.ts'],
    languageOptions: {
      parserOptions: { project: ['packages/console/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
  },
  {
    files: pureSources,
    ignores: testFiles,
    rules: {
      'no-restricted-globals': [
        'error',
        ...ambientGlobals.map((name) => ({ name, message: 'Take a Clock (or a port of your own) instead.' })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Take a Clock instead.' },
        {
          object: 'process',
          property: 'env',
          message: 'Take options instead; only headwater reads configuration.',
        },
        { object: 'process', property: 'hrtime', message: 'Take a Clock instead.' },
      ],
    },
  },
  {
    files: belowProgram,
    ignores: [...testFiles, ...pureSources],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Take options instead; only headwater reads configuration.',
        },
        {
          object: 'process',
          property: 'argv',
          message: 'Take options instead; only headwater reads arguments.',
        },
        { object: 'process', property: 'exit', message: 'Only the program decides to exit.' },
      ],
    },
  },
  {
    files: testFiles,
    rules: {
      'max-lines-per-function': 'off',
      'no-restricted-syntax': ['error', noDefaultExport, nodePrefix, noFocusedTests],
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Doubles implement asynchronous ports without awaiting anything.
      '@typescript-eslint/require-await': 'off',
    },
  },
  { files: ['test/bench/**/*.ts', 'packages/headwater/src/main.ts'], rules: { 'no-console': 'off' } },
  // The error catalogue is a table, and its columns are the parameters of one row.
  { files: ['packages/contracts/src/errors.ts'], rules: { 'max-params': 'off' } },
  {
    files: scripts,
    rules: {
      'no-console': 'off',
      // Parsed JSON gets its type from a JSDoc comment here.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['*.config.{js,ts}', 'packages/*/*.config.{js,ts}', '.dependency-cruiser.cjs'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { module: 'writable' }, parserOptions: { project: null } },
    rules: { 'no-restricted-syntax': ['error', nodePrefix], 'max-lines': 'off' },
  },
);
