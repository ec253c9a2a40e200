// Who may import whom. The picture is in docs/architecture.md; these rules are what holds it.
'use strict';

/** Package → the workspace packages that it may import. Everything else is forbidden. */
const mayImport = {
  contracts: [],
  media: ['contracts'],
  rtmp: ['contracts', 'media'],
  cluster: ['contracts'],
  relay: ['contracts', 'media'],
  origin: ['contracts', 'media', 'rtmp', 'cluster', 'relay'],
  edge: ['contracts', 'media', 'rtmp', 'cluster', 'relay'],
  controller: ['contracts', 'media', 'cluster', 'relay'],
  router: ['contracts', 'cluster'],
  headwater: [
    'contracts',
    'media',
    'rtmp',
    'cluster',
    'relay',
    'origin',
    'edge',
    'controller',
    'router',
    'console',
  ],
  console: ['contracts'],
};

/** Third-party package → the paths that may import it. */
const onlyIn = {
  ioredis: '^(packages/cluster|test)/',
  consul: '^(packages/cluster|test)/',
  '@grpc/grpc-js': '^packages/relay/',
  '@bufbuild/protobuf': '^packages/relay/',
  pino: '^packages/headwater/',
  'pino-pretty': '^packages/headwater/',
  'prom-client': '^packages/headwater/',
  // Configuration, arguments and the admin API belong to the program.
  commander: '^packages/headwater/',
  hono: '^packages/headwater/',
  '@hono/[^/]+': '^packages/headwater/',
  yaml: '^(packages/headwater|helm|test)/',
  zod: '^packages/(contracts|headwater)/',
  'mmdb-lib': '^packages/router/',
  // The one adapter, and the measured peer of the tests.
  'node-media-server': '^packages/origin/src/ingest/node-media-server-rtsp[.]ts$|^test/(abuse|bench)/',
};

const test = '[.](test|bench)[.]ts$|^packages/[^/]+/(src/testing|scripts)/|^test/';

const layers = Object.entries(mayImport).map(([name, allowed]) => ({
  name: `layers-${name}`,
  comment: `${name} may import only: ${allowed.join(', ') || 'nothing of the workspace'}.`,
  severity: 'error',
  from: { path: `^packages/${name}/` },
  to: { path: `^packages/(?!(${[name, ...allowed].join('|')})/)` },
}));

const homes = Object.entries(onlyIn).map(([dependency, home]) => ({
  name: `only-in-its-home-${dependency.replace(/[^a-z-]/g, '')}`,
  comment: `${dependency} is imported only by files that match ${home}`,
  severity: 'error',
  from: { pathNot: home },
  to: { path: `(^|/node_modules/)${dependency}(/|$)` },
}));

module.exports = {
  forbidden: [
    ...layers,
    ...homes,
    {
      name: 'no-unknown-package',
      comment: 'A new package needs a row in the table of layers.',
      severity: 'error',
      from: { path: `^packages/(?!(${Object.keys(mayImport).join('|')})/)` },
      to: {},
    },
    {
      name: 'no-cycles',
      comment: 'Type-only cycles count: they are a knot all the same.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'only-through-exports',
      comment: 'Another package is reached by its name and its exports, never by a path into it.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: {
        path: '^packages/(?!$1/)',
        pathNot: '^packages/[^/]+/(src/(testing/)?index[.]ts|package[.]json)$',
      },
    },
    {
      name: 'no-relative-path-out-of-a-package',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^(?!packages/$1/)', dependencyTypes: ['local'], dependencyTypesNot: ['aliased'] },
    },
    {
      name: 'no-path-into-a-package-from-tests',
      comment: 'System tests use packages as everybody else does.',
      severity: 'error',
      from: { path: '^test/' },
      to: { path: '^packages/', pathNot: '^packages/[^/]+/(src/(testing/)?index[.]ts|package[.]json)$' },
    },
    {
      name: 'no-io-in-pure-packages',
      comment: 'contracts, media and rtmp: bytes in, bytes out; time comes from a Clock.',
      severity: 'error',
      from: { path: '^packages/(contracts|media|rtmp)/', pathNot: test },
      to: {
        dependencyTypes: ['core'],
        path: '^(node:)?(child_process|cluster|dgram|dns|fs|http|http2|https|inspector|net|os|perf_hooks|process|readline|repl|timers|tls|worker_threads)(/|$)',
      },
    },
    {
      name: 'testing-entry-points-only-from-tests',
      severity: 'error',
      from: { pathNot: test },
      to: { path: '^packages/[^/]+/src/testing/' },
    },
    {
      name: 'no-tests-imported',
      severity: 'error',
      from: {},
      to: { path: '[.](test|bench)[.]ts$' },
    },
    {
      name: 'not-to-unresolvable',
      comment: 'A missing file, a missing dependency, or something that a package does not export.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-undeclared-dependency',
      comment: 'What a package imports stands in its package.json.',
      severity: 'error',
      from: { path: '^packages/', pathNot: test },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-dev-dependency-in-sources',
      severity: 'error',
      from: { path: '^packages/(?!console/)[^/]+/src/', pathNot: test },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(packages/[^/]+/dist|coverage|[.]cache)/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.cjs', '.json', '.d.ts'],
    },
    cache: false,
  },
};
