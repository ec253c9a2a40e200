// What is in deploy/ for other machines, against the program: every setting is known and valid, every role exists, a stop
// gets the time it needs, and systemd accepts the unit.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { configKeys } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { addressOf, documentedPlan } from '../../deploy/local/cluster-plan.mjs';
import { isOnPath } from '../../deploy/local/system-packages.mjs';
import { runChild, startChild } from '../support/child.ts';
import { runHeadwater } from '../support/headwater.ts';
import { tempFolder } from '../support/temp-folder.ts';

const deploy = resolve(import.meta.dirname, '../../deploy');
const systemd = join(deploy, 'systemd');

type Environment = Readonly<Record<string, string>>;

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Environment;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly stop_grace_period?: string;
  readonly networks?: unknown;
}

const composeText = await readFile(join(deploy, 'compose.yaml'), 'utf8');
const { services } = parse(composeText, { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
};
const nodes = Object.entries(services).filter(([, { image }]) => image === 'headwater');
const unit = await readFile(join(systemd, 'headwater@.service'), 'utf8');
const unitRoles = (await readdir(systemd))
  .filter((name) => name.endsWith('.env') && name !== 'cluster.env')
  .map((name) => name.slice(0, -'.env'.length));

/** What an environment file sets; comments and empty lines left out. */
async function environmentOf(file: string): Promise<Environment> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => /^[^#\s]/.test(line));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

/** The environment that the unit gives to a role, on a machine called `machine`. */
async function unitEnvironmentOf(role: string): Promise<Environment> {
  const inUnit = Array.from(unit.matchAll(/^Environment=(\w+)=(.*)$/gm), ([, name = '', value = '']) => [
    name,
    value.replace('%H', 'machine').replace('%i', role),
  ]);
  const files = Array.from(
    unit.matchAll(/^EnvironmentFile=\/etc\/headwater\/(.*)$/gm),
    (match) => match[1] ?? '',
  );
  const fromFiles = await Promise.all(
    files.map((file) => environmentOf(join(systemd, file.replace('%i', role)))),
  );
  const all = [inUnit, ...fromFiles.map((environment) => Object.entries(environment))];
  return Object.fromEntries(all.flat()) as Environment;
}

/** The configuration that the program makes of an environment; rejects where it does not accept it. */
async function configOf(
  environment: Environment,
): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> {
  const { code, stdout, stderr } = await runHeadwater(['config', 'print'], environment);
  if (code !== 0) throw new Error(stderr);
  return parse(stdout) as Readonly<Record<string, Readonly<Record<string, string>>>>;
}

async function roleNames(): Promise<readonly string[]> {
  const { stdout } = await runHeadwater(['--help']);
  return Array.from(stdout.matchAll(/^ {2}(\w+) .*\bRun /gm), (match) => match[1] ?? '');
}

function seconds(duration: string | undefined): number {
  const [, number, unitOfTime] = /^(\d+)(s|m)$/.exec(duration ?? '') ?? [];
  return Number(number) * (unitOfTime === 'm' ? 60 : 1);
}

describe('every HEADWATER_ variable is a key of the configuration', () => {
  const known = configKeys.map(({ envName }) => envName);
  const files = [
    'compose.yaml',
    'Dockerfile',
    ...['headwater@.service', 'cluster.env'].map((name) => `systemd/${name}`),
  ];

  it.each([...files, ...unitRoles.map((role) => `systemd/${role}.env`)])('in %s', async (file) => {
    const text = await readFile(join(deploy, file), 'utf8');
    expect((text.match(/\bHEADWATER_\w+/g) ?? []).filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe('compose.yaml', () => {
  it('runs the cluster that `npm run cluster` runs', () => {
    const shown = nodes.map(([name, { command = [], environment = {} }]) => ({
      name,
      id: environment['HEADWATER_NODE_ID'],
      role: command.join(' '),
      zone: environment['HEADWATER_NODE_ZONE'],
    }));
    expect(shown).toEqual(
      documentedPlan.members.map(({ name, role, zone }) => ({ name, id: name, role, zone })),
    );
  });

  it('publishes the ports that `npm run cluster` uses, admin ports on loopback only', () => {
    for (const member of documentedPlan.members) {
      const { http, rtmp } = member.ports;
      const isForViewers = member.role === 'edge' || member.role === 'router';
      const forViewers = isForViewers
        ? [...(http === undefined ? [] : [`${http}:8080`]), ...(rtmp === undefined ? [] : [`${rtmp}:1935`])]
        : [];
      expect(services[member.name]?.ports).toEqual([...forViewers, `${addressOf(member, 'admin')}:9090`]);
    }
    expect(services['publish']?.ports).toEqual([`${documentedPlan.vipPort}:1935`]);
    expect(services['redis']?.ports).toBeUndefined();
  });

  it.each(nodes)(
    'gives %s a configuration and a role that the program accepts, and time to stop',
    async (_, node) => {
      expect(await roleNames()).toContain(node.command?.join(' '));
      const config = await configOf(node.environment ?? {});
      expect(config['registry']).toMatchObject({ kind: 'redis' });
      const neededS = seconds(config['node']?.['drainDeadline']) + seconds(config['node']?.['stopDeadline']);
      expect(seconds(node.stop_grace_period)).toBeGreaterThan(neededS);
    },
  );

  it('names files that are there', async () => {
    for (const [, { build }] of nodes) {
      expect(await readFile(join(deploy, build?.context ?? '', build?.dockerfile ?? ''), 'utf8')).toContain(
        'FROM ',
      );
    }
    for (const volume of Object.values(services).flatMap((service) => service.volumes ?? [])) {
      expect(await readFile(join(deploy, volume.split(':')[0] ?? ''), 'utf8')).not.toBe('');
    }
  });

  it.each([
    ['publishers', 'origin', '1935'],
    ['viewers', 'edge', '8080'],
  ])('balances %s over every %s', async (_, role, port) => {
    const lines = (await readFile(join(deploy, 'haproxy.cfg'), 'utf8')).split('\n');
    const balanced = lines.map((line) => /^ +server (\S+) \1:(\d+) check$/.exec(line));
    const names = balanced.filter((match) => match?.[2] === port).map((match) => match?.[1]);
    expect(names).toEqual(nodes.filter(([, { command }]) => command?.[0] === role).map(([name]) => name));
  });

  it('has the load balancer trusted by the nodes, at an address that nobody else has', () => {
    const address = '10.213.47.10';
    const { networks } = services['publish'] ?? {};
    expect(networks).toEqual({ default: { ipv4_address: address } });
    for (const [name, { environment = {} }] of nodes) {
      expect(environment['HEADWATER_PROXY_PROTOCOL_TRUSTED'], name).toBe(address);
    }
  });
});

describe('docs/cluster.md', () => {
  it('has the ports that `npm run cluster` uses', async () => {
    const text = await readFile(join(deploy, '../docs/cluster.md'), 'utf8');
    const rows = documentedPlan.members.map(({ name, zone, ports: { rtmp, http, admin, relay } }) =>
      [name, zone, ...[rtmp, http, admin, relay].map((port) => String(port ?? ''))].join('|'),
    );
    const documented = text
      .split('\n')
      .map((line) => line.replaceAll(/ *\| */g, '|').replaceAll(/^\||\|$/g, ''));
    expect(rows.filter((row) => !documented.includes(row))).toEqual([]);
    expect(documented).toContain(`publishers||${documentedPlan.vipPort}|||`);
    expect(text).toContain(`Redis is on ${documentedPlan.redisPort}.`);
  });
});

describe('the systemd unit', () => {
  it('has a file for each role that joins a cluster', async () => {
    const roles = (await roleNames()).filter((role) => role !== 'all');
    expect([...unitRoles].sort()).toEqual([...roles].sort());
  });

  it.each(unitRoles)('gives %s a configuration that the program accepts, and time to stop', async (role) => {
    const config = await configOf(await unitEnvironmentOf(role));
    expect(config['node']).toMatchObject({ id: `machine-${role}` });
    const neededS = seconds(config['node']?.['drainDeadline']) + seconds(config['node']?.['stopDeadline']);
    expect(neededS).toBeGreaterThan(0);
    expect(seconds(/^TimeoutStopSec=(.*)$/m.exec(unit)?.[1])).toBeGreaterThan(neededS);
  });

  it('stays up when one worker is killed for its memory', () => {
    expect(unit).toMatch(/^OOMPolicy=continue$/m);
  });

  // A machine without systemd has nobody to ask.
  it.each(isOnPath('systemd-analyze') ? unitRoles : [])('is accepted by systemd for %s', async (role) => {
    const folder = await tempFolder();
    const file = join(folder, `headwater@${role}.service`);
    // Where Node is differs from machine to machine.
    await writeFile(file, unit.replace('/usr/bin/node', process.execPath));
    const verify = await runChild({ name: 'verify', program: 'systemd-analyze', args: ['verify', file] });
    expect(verify.stderr).toBe('');
  });
});

// It asks for the network interface that the file names. It ends itself by a signal, whatever it found.
it.each(process.getuid?.() === 0 ? ['keepalived.conf'] : [])('keepalived accepts %s', async (name) => {
  const script = `ip link add eth0 type veth peer name other && exec keepalived -t -f ${join(deploy, name)}`;
  const args = ['--net', 'sh', '-c', script];
  const check = startChild({ name: 'keepalived', program: 'unshare', args });
  expect(await check.exited).toEqual({ code: null, signal: 'SIGTERM' });
  expect(check.stderr).toBe('');
});
