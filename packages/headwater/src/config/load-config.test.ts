import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, configProblemText } from '@headwater/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, type ConfigSources } from './load-config.ts';
import { printedConfig } from './print-config.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, 'headwater.yaml');
  writeFileSync(path, text);
  return path;
}

function problemsOf(sources: ConfigSources): string[] {
  try {
    loadConfig(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(configProblemText);
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('loadConfig', () => {
  it('lets the environment win over the file, and --set over both', () => {
    const { config } = loadConfig({
      file: file('rtmp: { port: 1 }\nhttp: { port: 2 }\nadmin: { port: 3 }\n'),
      env: { HEADWATER_HTTP_PORT: '20', HEADWATER_ADMIN_PORT: '30', PATH: '/bin' },
      set: ['admin.port=300', 'admin.port=301'],
    });
    expect([config.rtmp.port, config.http.port, config.admin.port]).toEqual([1, 20, 301]);
  });

  it('takes the host name for the id of the node when none is set', () => {
    expect(loadConfig({}).config.node.id).toMatch(/^[A-Za-z0-9_.-]+$/);
  });

  it('reads lists, flags, numbers and maps from text', () => {
    const { config } = loadConfig({
      env: { HEADWATER_APPS: 'live,event*', HEADWATER_HTTP_PAGE: 'false', HEADWATER_NODE_ID: '123' },
      set: ['access.kind=keys', 'access.keys={ live: { publish: [a], play: open } }', 'hold=3'],
    });
    expect(config.apps).toEqual(['live', 'event*']);
    expect(config.http.hasPage).toBe(false);
    expect(config.node.id).toBe('123');
    expect(config.access.keys['live']).toEqual({ publish: ['a'], play: 'open' });
    expect(config.holdMs).toBe(3000);
  });

  it('takes an empty file and empty sections for no settings', () => {
    expect(loadConfig({ file: file('') }).config.rtmp.port).toBe(1935);
    expect(loadConfig({ file: file('rtmp:\nhttp:\n  port: 81\n') }).config.http.port).toBe(81);
  });

  it('ignores what Kubernetes says about Services that are called headwater', () => {
    const { config } = loadConfig({
      env: {
        HEADWATER_PORT: 'tcp://10.0.0.1:1935',
        HEADWATER_RTMP_PORT: 'tcp://10.0.0.1:1935',
        HEADWATER_SERVICE_HOST: '10.0.0.1',
        HEADWATER_RTMP_SERVICE_PORT_RTMP: '1935',
        HEADWATER_RTMP_PORT_1935_TCP_ADDR: '10.0.0.1',
      },
    });
    expect(config.rtmp.port).toBe(1935);
  });
});

describe('loadConfig with a wrong source', () => {
  it.each<[string, () => ConfigSources, string[]]>([
    [
      'a wrong value in the file',
      () => ({ file: file('hold: 5s\nrtmp:\n  port: abc\n') }),
      ['rtmp.port is "abc" (', 'headwater.yaml line 3): expected a port number'],
    ],
    [
      'an unknown key in the file',
      () => ({ file: file('rtmp:\n  prot: 1\n') }),
      ['rtmp.prot (', 'line 2): expected a known key; did you mean rtmp.port?'],
    ],
    ['a broken file', () => ({ file: file('a: b: c\n') }), ['line 1): expected valid YAML']],
    [
      'a repeated key',
      () => ({ file: file('hold: 1s\nhold: 2s\n') }),
      ['expected valid YAML: Map keys must be unique'],
    ],
    ['a list for a file', () => ({ file: file('- a\n') }), ['expected keys and values']],
    [
      'a missing file',
      () => ({ file: '/nowhere/x.yaml' }),
      ['/nowhere/x.yaml: expected a readable', 'ENOENT'],
    ],
    [
      'a wrong value in the environment',
      () => ({ env: { HEADWATER_HOLD: 'long' } }),
      ['hold is "long" (environment variable HEADWATER_HOLD): expected a duration'],
    ],
    [
      'an unknown variable',
      () => ({ env: { HEADWATER_RTMP_PROT: '1' } }),
      ['HEADWATER_RTMP_PROT (environment): expected a variable', 'did you mean HEADWATER_RTMP_PORT?'],
    ],
    [
      'a wrong value of --set',
      () => ({ set: ['rtmp.port=x'] }),
      ['rtmp.port is "x" (--set rtmp.port): expected a port number'],
    ],
    ['an unknown key of --set', () => ({ set: ['rtmp.prot=1'] }), ['did you mean rtmp.port?']],
    ['a key of --set without value', () => ({ set: ['hold'] }), ['hold (--set): expected hold=VALUE']],
    ['a section as key of --set', () => ({ set: ['rtmp=1'] }), ['expected a key of the section: rtmp.port']],
    [
      'a prototype as key of --set',
      () => ({ set: ['__proto__.x=1'] }),
      ['__proto__.x (--set): expected a known key'],
    ],
    [
      'a value where the file should have a section',
      () => ({ file: file('rtmp: 1'), set: ['rtmp.port=2'] }),
      ['rtmp is 1'],
    ],
  ])('names the key, the value and the source for %s', (_, sources, parts) => {
    const problems = problemsOf(sources());
    expect(problems).toHaveLength(1);
    for (const part of parts) expect(problems[0]).toContain(part);
  });

  it('reports the problems of all sources together', () => {
    const sources = { file: file('hold: x\n'), env: { HEADWATER_X: '1' }, set: ['y=1', 'admin.port=z'] };
    expect(problemsOf(sources)).toHaveLength(4);
  });
});

describe('printedConfig', () => {
  it('prints every value in force, its source when asked, and no secret', () => {
    const { settings } = loadConfig({
      set: ['access.kind=keys', 'access.keys={live: {publish: [hunter2], play: open}}', 'hold=3s'],
    });
    const text = printedConfig(settings, { withSources: true });
    expect(text).toContain('hold: 3s # --set hold');
    expect(text).toContain('  port: 1935 # default');
    expect(text).toContain('keys: { live: { publish: [ "***" ], play: open } }');
    expect(text).not.toContain('hunter2');
  });

  it('prints the sources of jobs without their passwords', () => {
    const job = '{ pull: "rtsp://admin:hunter2@camera.example/main", stream: live/cam1 }';
    const { config, settings } = loadConfig({ env: { HEADWATER_JOBS: `[${job}]` } });
    expect(config.jobs[0]?.source).toContain('hunter2');
    const text = printedConfig(settings, { withSources: false });
    expect(text).toContain('jobs: [ { pull: rtsp://admin:***@camera.example/main, stream: live/cam1 } ]');
  });

  it('prints a file that loads to the same configuration', () => {
    const { config, settings } = loadConfig({
      set: ['apps=live,event', 'rtmp.port=0', 'relay.bind=127.0.0.1'],
    });
    const again = loadConfig({ file: file(printedConfig(settings, { withSources: false })) });
    expect(again.config).toEqual(config);
  });
});
