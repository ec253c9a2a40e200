// What the local cluster is made of: its members, their ports, and the command line of each.
import { resolve } from 'node:path';
import { root } from './step.mjs';

/** Where everything listens. */
export const host = '127.0.0.1';

/**
 * Roles of the program that the cluster runs; members of other roles are left out.
 * @type {readonly string[]}
 */
const roles = ['origin', 'edge', 'controller', 'router'];

/** @typedef {'rtmp' | 'http' | 'admin' | 'relay'} PortName */

/**
 * @typedef {object} Member a node of the cluster
 * @property {string} name also its node id
 * @property {'origin' | 'edge' | 'controller' | 'router'} role
 * @property {string} zone
 * @property {Readonly<Partial<Record<PortName, number>>>} ports
 */

/**
 * @typedef {object} Plan
 * @property {number} vipPort where publishers connect
 * @property {number} redisPort
 * @property {readonly Member[]} members in the order in which they are shown
 */

/** @type {readonly Member[]} */
const allMembers = [
  { name: 'origin-1', role: 'origin', zone: 'a', ports: { rtmp: 19361, admin: 9091, relay: 50061 } },
  { name: 'origin-2', role: 'origin', zone: 'b', ports: { rtmp: 19362, admin: 9092, relay: 50062 } },
  { name: 'edge-1', role: 'edge', zone: 'a', ports: { http: 8081, rtmp: 19351, admin: 9101, relay: 50071 } },
  { name: 'edge-2', role: 'edge', zone: 'a', ports: { http: 8082, rtmp: 19352, admin: 9102, relay: 50072 } },
  { name: 'edge-3', role: 'edge', zone: 'b', ports: { http: 8083, rtmp: 19353, admin: 9103, relay: 50073 } },
  { name: 'controller-1', role: 'controller', zone: 'a', ports: { admin: 9111 } },
  { name: 'controller-2', role: 'controller', zone: 'b', ports: { admin: 9112 } },
  { name: 'router-1', role: 'router', zone: 'a', ports: { http: 8080, admin: 9121 } },
];

/**
 * The cluster on its documented ports.
 * @type {Plan}
 */
export const documentedPlan = {
  vipPort: 1935,
  redisPort: 16379,
  members: allMembers.filter(({ role }) => roles.includes(role)),
};

/**
 * Every port of a plan.
 * @param {Plan} plan
 * @returns {number[]}
 */
export function portsOf(plan) {
  return [plan.vipPort, plan.redisPort, ...plan.members.flatMap(({ ports }) => Object.values(ports))];
}

/**
 * The same cluster on other ports.
 * @param {Plan} plan
 * @param {(port: number) => number} moved
 * @returns {Plan}
 */
export function withPorts(plan, moved) {
  return {
    vipPort: moved(plan.vipPort),
    redisPort: moved(plan.redisPort),
    members: plan.members.map((member) => ({
      ...member,
      ports: Object.fromEntries(Object.entries(member.ports).map(([name, port]) => [name, moved(port)])),
    })),
  };
}

/**
 * The address that a member of a plan serves under one of its port names.
 * @param {Member} member
 * @param {PortName} name
 * @returns {string} `host:port`
 */
export function addressOf(member, name) {
  const port = member.ports[name];
  if (port === undefined) throw new Error(`${member.name} has no ${name} port`);
  return `${host}:${port}`;
}

/**
 * How a member is started.
 * @param {Member} member
 * @param {{ redisPort: number, readyFile: string, set: readonly string[] }} options `set`: `key=value` for every node
 * @returns {string[]} arguments of node
 */
export function commandLineOf(member, { redisPort, readyFile, set }) {
  const settings = [
    `node.id=${member.name}`,
    `node.zone=${member.zone}`,
    'node.region=local',
    `node.address=${host}`,
    `bind=${host}`,
    'registry.kind=redis',
    `registry.redis.url=redis://${host}:${redisPort}`,
    ...Object.entries(member.ports).map(([name, port]) => `${name}.port=${port}`),
    // An origin with workers takes a row of ports, and the port behind its own is its neighbour's.
    ...(member.role === 'origin' && set.some((setting) => setting.startsWith('workers='))
      ? ['relay.port=0']
      : []),
    ...set,
  ];
  const main = resolve(root, 'packages/headwater/dist/main.js');
  return [
    '--enable-source-maps',
    main,
    member.role,
    ...['--ready-file', readyFile],
    ...settings.flatMap((setting) => ['--set', setting]),
  ];
}
