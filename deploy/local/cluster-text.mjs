// What the local cluster prints: its addresses with lines to paste, and a table of how it is.
import { streamsOf, statusOf } from './cluster-nodes.mjs';
import { addressOf, host } from './cluster-plan.mjs';

/** @typedef {import('./cluster-supervisor.mjs').LocalCluster} LocalCluster */

/**
 * The addresses, and what to paste for a first look.
 * @param {LocalCluster} cluster
 */
export function bannerText({ plan, vip }) {
  const edges = plan.members.filter(({ role }) => role === 'edge');
  const others = plan.members.filter(({ role }) => role !== 'edge');
  const picture = '-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=frequency=440';
  const encode = '-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 50 -c:a aac';
  return [
    'The cluster is ready.',
    '',
    ...others.map(({ name, zone, ports }) => `  ${name.padEnd(13)} zone ${zone}  ${portList(ports)}`),
    ...edges.map(({ name, zone, ports }) => `  ${name.padEnd(13)} zone ${zone}  ${portList(ports)}`),
    `  ${'redis'.padEnd(13)} redis://${host}:${plan.redisPort}`,
    '',
    'Publish, through the load balancer; the loop is what makes an encoder come back:',
    `  while :; do ffmpeg -re ${picture} ${encode} -f flv rtmp://${vip}/live/cam1; sleep 0.5; done`,
    `OBS: server rtmp://${vip}/live, stream key cam1`,
    '',
    ...plan.members
      .filter(({ role }) => role === 'router')
      .flatMap((router) => [
        'Watch, at the edge that the router chooses:',
        `  ffplay -fflags nobuffer http://${addressOf(router, 'http')}/live/cam1.flv`,
        `  which one, and why: curl 'http://${addressOf(router, 'http')}/route/live/cam1'`,
      ]),
    'Or on any edge:',
    ...edges.flatMap((edge) => [
      `  ffplay -fflags nobuffer http://${addressOf(edge, 'http')}/live/cam1.flv`,
      `  ffplay -fflags nobuffer rtmp://${addressOf(edge, 'rtmp')}/live/cam1`,
    ]),
    ...edges.slice(0, 1).map((edge) => `  in a browser: http://${addressOf(edge, 'http')}/`),
    '',
    'Then, in another terminal:',
    '  npm run -s cluster -- status',
    '  npm run -s cluster -- kill|freeze|thaw|drain|start NAME',
    '',
    'Ctrl-C stops everything.',
  ].join('\n');
}

/**
 * How every process is, and where each stream is published and watched.
 * @param {LocalCluster} cluster
 */
export async function statusText(cluster) {
  const nodes = await Promise.all(cluster.plan.members.map((member) => describeNode(cluster, member)));
  const redis = ['redis', '', cluster.redis.state, String(cluster.redis.pid ?? ''), '', ''];
  const rows = [
    ['NAME', 'ZONE', 'STATE', 'PID', 'PUBLISHERS', 'VIEWERS'],
    ...nodes.map(({ row }) => row),
    redis,
  ];
  const streams = nodes.flatMap(({ streams: lines }) => lines).sort();
  const ready = cluster.balancer.readyNames.join(', ');
  return [
    table(rows),
    `rtmp://${cluster.vip} leads to ${ready === '' ? 'no origin at the moment' : ready}`,
    ...(streams.length === 0 ? ['no streams'] : streams),
  ].join('\n');
}

/**
 * @param {LocalCluster} cluster
 * @param {import('./cluster-plan.mjs').Member} member
 */
async function describeNode(cluster, member) {
  const { state, pid } = cluster.process(member.name);
  const isAsked = state === 'running';
  const [status, streams] = isAsked
    ? await Promise.all([statusOf(member), streamsOf(member)])
    : [undefined, []];
  const shown = isAsked ? stateOf(status) : state;
  const counts = [status?.publishers, status?.viewers].map((count) => String(count ?? ''));
  return {
    row: [member.name, member.zone, shown, String(pid ?? ''), ...counts],
    streams: streams.map((stream) => streamLine(member, stream)),
  };
}

/** @param {import('./cluster-nodes.mjs').NodeStatus | undefined} status */
function stateOf(status) {
  if (status === undefined) return 'does not answer';
  return status.isReady ? 'ready' : status.reasons.join(', ');
}

/**
 * @param {import('./cluster-plan.mjs').Member} member
 * @param {import('./cluster-nodes.mjs').Stream} stream
 */
function streamLine(member, stream) {
  const { key, state, epoch, viewers } = stream;
  const source = sourceText(member.name, stream);
  const watching = Object.values(viewers).reduce((sum, count) => sum + count, 0);
  return `${key} on ${member.name}: ${state}, ${source}, epoch ${epoch ?? '-'}, viewers ${watching}`;
}

/**
 * @param {string} name
 * @param {import('./cluster-nodes.mjs').Stream} stream
 */
function sourceText(name, { owner, standby, publisher }) {
  if (publisher !== undefined) return 'from its publisher';
  if (isOf(name, owner)) return 'held for its publisher';
  return `${isOf(name, standby) ? 'followed as standby of' : 'pulled from'} ${owner ?? 'its origin'}`;
}

/**
 * Whether a node is that member: an origin with workers is as many nodes, called after it.
 * @param {string} name
 * @param {string | undefined} nodeId
 */
function isOf(name, nodeId) {
  return nodeId === name || nodeId?.replace(/-\d+$/, '') === name;
}

/** @param {string[][]} rows */
function table(rows) {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** @param {Readonly<Record<string, number>>} ports */
function portList(ports) {
  return Object.entries(ports)
    .map(([name, port]) => `${name} ${port}`)
    .join('  ');
}
