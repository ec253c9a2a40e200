// What can be done to the running local cluster, and what to watch afterwards.
import { drain, statusOf, streamsOf } from './cluster-nodes.mjs';
import { statusText } from './cluster-text.mjs';
import { StepFailed } from './step.mjs';

/** @typedef {import('./cluster-supervisor.mjs').LocalCluster} LocalCluster */
/** @typedef {import('./cluster-plan.mjs').Member} Member */

const drainSeconds = 10;
const restartStopMs = 15_000;

/** @type {ReadonlyMap<string, (cluster: LocalCluster, name: string) => string | Promise<string>>} */
const actions = new Map(Object.entries({ kill, freeze, thaw, drain: drainNode, start }));

/** The commands that name a process. */
export const actionNames = [...actions.keys()];

/**
 * Does what a command says; resolves with what to tell its user. Rejects with `StepFailed` when it cannot be done.
 * @param {LocalCluster} cluster
 * @param {readonly string[]} args
 */
export async function execute(cluster, args) {
  const [command = '', name = ''] = args;
  if (command === 'status') return statusText(cluster);
  const action = actions.get(command);
  if (action === undefined) throw new StepFailed(`the cluster knows no '${command}'`);
  return action(cluster, name);
}

/**
 * @param {LocalCluster} cluster
 * @param {string} name
 */
async function kill(cluster, name) {
  const target = running(cluster, name);
  const { pid } = target;
  const had = await whatItHas(cluster, name);
  await target.kill();
  return lines(`${name} (process ${pid}) was killed${had}.`, afterLoss(cluster, name), back('start', name));
}

/**
 * @param {LocalCluster} cluster
 * @param {string} name
 */
async function freeze(cluster, name) {
  const target = running(cluster, name);
  if (target.state === 'frozen') throw new StepFailed(`${name} is frozen already`);
  const had = await whatItHas(cluster, name);
  target.freeze();
  return lines(
    `${name} (process ${target.pid}) is frozen${had}: its connections stay open and nothing answers.`,
    afterLoss(cluster, name),
    back('thaw', name),
  );
}

/**
 * @param {LocalCluster} cluster
 * @param {string} name
 */
function thaw(cluster, name) {
  const target = cluster.process(name);
  if (target.state !== 'frozen') throw new StepFailed(`${name} is not frozen`);
  target.thaw();
  const watch =
    cluster.member(name)?.role === 'origin'
      ? 'Watch: streams that went elsewhere meanwhile stay there; the old owner finds its epoch too low and yields.'
      : 'Watch: it is ready again within a few seconds.';
  return lines(`${name} (process ${target.pid}) goes on.`, watch);
}

/**
 * @param {LocalCluster} cluster
 * @param {string} name
 */
async function drainNode(cluster, name) {
  const target = running(cluster, name);
  const member = cluster.member(name);
  if (member === undefined) throw new StepFailed(`${name} is no node: it can be killed or frozen`);
  const had = await whatItHas(cluster, name);
  if (!(await drain(member, drainSeconds))) throw new StepFailed(`${name} does not answer`);
  const watch =
    member.role === 'origin'
      ? `Watch: the load balancer leaves it out; publishers are asked to reconnect, and sent away after ${drainSeconds} s; viewers stay.`
      : 'Watch: it takes no new viewers; those it has stay.';
  return lines(`${name} (process ${target.pid}) drains${had}.`, watch, back('start', name));
}

/**
 * @param {LocalCluster} cluster
 * @param {string} name
 */
async function start(cluster, name) {
  const target = cluster.process(name);
  const member = cluster.member(name);
  if (target.state === 'frozen') {
    throw new StepFailed(`${name} is frozen; let it go on with: ${line('thaw', name)}`);
  }
  if (target.state === 'running') {
    // Draining has no way back but a new run.
    const isReady = member === undefined || (await statusOf(member))?.isReady === true;
    if (isReady) throw new StepFailed(`${name} runs already`);
    await target.stop(restartStopMs);
  }
  await target.start();
  const watch =
    member?.role === 'origin'
      ? 'Watch: it gets new publishers; streams that are elsewhere stay there.'
      : member === undefined
        ? 'Watch: it is empty; the nodes tell it everything again with their next heartbeats.'
        : 'Watch: it is in the list of nodes again.';
  return lines(`${name} (process ${target.pid}) runs.`, watch);
}

/**
 * @param {LocalCluster} cluster
 * @param {string} name
 */
function running(cluster, name) {
  const found = cluster.process(name);
  if (found.state === 'stopped') {
    throw new StepFailed(`${name} does not run; start it with: ${line('start', name)}`);
  }
  return found;
}

/**
 * What somebody will miss; empty when it has nothing or does not answer.
 * @param {LocalCluster} cluster
 * @param {string} name
 */
async function whatItHas(cluster, name) {
  const member = cluster.member(name);
  if (member === undefined || cluster.process(name).state === 'frozen') return '';
  const [status, streams] = await Promise.all([statusOf(member), streamsOf(member)]);
  const published = streams.filter(({ publisher }) => publisher !== undefined).map(({ key }) => key);
  if (published.length > 0) return `; it had ${published.join(', ')}`;
  return status !== undefined && status.viewers > 0 ? `; it had ${status.viewers} viewers` : '';
}

/**
 * @param {LocalCluster} cluster
 * @param {string} name
 */
function afterLoss(cluster, name) {
  switch (cluster.member(name)?.role) {
    case 'origin':
      return `Watch: its publishers come back through rtmp://${cluster.vip} to another origin; viewers stay connected, and their picture goes on at the next keyframe.`;
    case 'edge':
      return 'Watch: its viewers have to connect to another edge; everybody else notices nothing.';
    case 'controller':
      return 'Watch: media goes on; another controller leads within a few seconds.';
    case 'router':
      return 'Watch: media goes on; new viewers have to go to an edge themselves until it is back.';
    default:
      return 'Watch: media goes on, and so do viewers of known streams; until it is back, no node learns anything new of the others.';
  }
}

/**
 * @param {string} command
 * @param {string} name
 */
function back(command, name) {
  return `See:   ${line('status')}\nBack:  ${line(command, name)}`;
}

/** @param {string[]} words */
function line(...words) {
  return `npm run -s cluster -- ${words.join(' ')}`;
}

/** @param {string[]} parts */
function lines(...parts) {
  return parts.join('\n');
}
