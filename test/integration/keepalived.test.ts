// deploy/keepalived.conf on two machines, which are two network namespaces at the ends of a link: the VIP goes to the other
// machine when the first has no HAProxy any more that reaches an origin.
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { it } from 'vitest';
import { runChild, startChild, type Child } from '../support/child.ts';
import { defer } from '../support/cleanup.ts';
import { within } from '../support/network-star.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

const file = resolve(import.meta.dirname, '../../deploy/keepalived.conf');
const vip = '192.0.2.10';
// What HAProxy answers while an origin is ready.
const health = `require('node:http').createServer((_, r) => r.end()).listen(8404, '127.0.0.1')`;

interface Machine {
  readonly namespace: string;
  /** Stands for HAProxy. */
  readonly balancer: Child;
  readonly keepalived: Child;
}

async function ip(...args: readonly string[]): Promise<string> {
  return (await runChild({ name: `ip ${args.join(' ')}`, program: 'ip', args })).stdout;
}

/** Two namespaces whose `eth0` are the ends of one link. */
async function link(namespaces: readonly [string, string]): Promise<void> {
  for (const namespace of namespaces) {
    await ip('netns', 'add', namespace);
    defer(async () => {
      await ip('netns', 'delete', namespace);
    });
    await ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }
  const [near, far] = namespaces;
  const peer = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', far];
  await ip('-n', near, 'link', 'add', 'name', 'eth0', ...peer);
  for (const [index, namespace] of namespaces.entries()) {
    await ip('-n', namespace, 'address', 'add', `192.0.2.${11 + index}/24`, 'dev', 'eth0');
    await ip('-n', namespace, 'link', 'set', 'eth0', 'up');
  }
}

async function startMachine(namespace: string, priority: number): Promise<Machine> {
  const folder = await tempFolder();
  const config = join(folder, 'keepalived.conf');
  await writeFile(config, (await readFile(file, 'utf8')).replace('priority 120', `priority ${priority}`));
  const node = within(namespace, process.execPath);
  const balancer = startChild({ ...node, name: 'health', args: [...node.args, '--eval', health] });
  const { program, args } = within(namespace, 'keepalived');
  const pids = ['--pid', join(folder, 'pid'), '--vrrp_pid', join(folder, 'vrrp-pid')];
  const own = ['--dont-fork', '--log-console', '--vrrp', '--use-file', config, ...pids];
  const keepalived = startChild({
    name: `keepalived in ${namespace}`,
    program,
    args: [...args, ...own],
  });
  return { namespace, balancer, keepalived };
}

async function hasVip({ namespace }: Machine): Promise<boolean> {
  return (await ip('-n', namespace, '-4', 'address', 'show', 'dev', 'eth0')).includes(`${vip}/`);
}

function output({ keepalived }: Machine): string {
  return keepalived.stdout + keepalived.stderr;
}

// Only root makes networks.
const inNetworks = it.each(process.getuid?.() === 0 ? ['keepalived.conf'] : []);
const patience = { timeoutMs: 20_000 };

inNetworks('with %s the VIP leaves a machine whose HAProxy is gone', async () => {
  const [one, two] = [`hw${process.pid}-one`, `hw${process.pid}-two`];
  await link([one, two]);
  const first = await startMachine(one, 120);
  await waitUntil('the first machine has the VIP', async () => hasVip(first), patience);
  const second = await startMachine(two, 100);
  await waitUntil('the second is ready', () => output(second).includes('BACKUP STATE'), patience);
  first.balancer.kill('SIGKILL');
  await waitUntil('the second machine has the VIP', async () => hasVip(second), patience);
  await waitUntil('the first machine has it no more', async () => !(await hasVip(first)), patience);
});
