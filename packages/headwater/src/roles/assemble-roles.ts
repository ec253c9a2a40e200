import type { NodeContext, NodeParts } from '../node-context.ts';

/** Builds what the roles of a node need, in the order in which it starts. */
export function assembleRoles(context: NodeContext): NodeParts {
  const { sessions, roles, node, config, addresses } = context;
  return {
    services: [],
    view: {
      streams: () => [],
      sessions: () => sessions.views(),
      kick: (id) => sessions.kick(id),
      notReadyReasons: () => [],
      nodes: () =>
        Promise.resolve([
          {
            id: node.nodeId,
            incarnation: node.incarnation,
            roles: [...roles],
            zone: config.node.zone,
            region: config.node.region,
            addresses: { ...addresses.all() },
            isDraining: false,
            load: { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0 },
          },
        ]),
    },
  };
}
