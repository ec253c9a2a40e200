// Two processes with one node id would take each other's streams away again and again. A process that is starting finds
// out before it joins: whoever has the id is asked, and only its own answer counts, since a process that was killed is
// listed until its lease ends, and its successor shall not wait for that.
import type { NodeRecord, NodeRef, StreamRegistry } from '@headwater/cluster';
import { statusViewSchema } from '@headwater/contracts';

const answerMs = 1_000;

/** The id of this node is in use by another process that runs. */
export class NodeIdTaken extends Error {
  readonly nodeId: string;
  /** Where the other is, `host:port` of its admin API. */
  readonly admin: string;

  constructor(nodeId: string, admin: string) {
    super(`another process runs under the id ${nodeId}`);
    this.name = 'NodeIdTaken';
    this.nodeId = nodeId;
    this.admin = admin;
  }
}

/** Throws `NodeIdTaken` when another process is listed under the id and says so itself; in doubt it does not. */
export async function refuseNamesake(registry: Pick<StreamRegistry, 'nodes'>, node: NodeRef): Promise<void> {
  const nodes = await registry.nodes().catch((): NodeRecord[] => []);
  const other = nodes.find(({ nodeId }) => nodeId === node.nodeId);
  const admin = other?.addresses.admin;
  if (other === undefined || admin === undefined || other.incarnation === node.incarnation) return;
  if ((await incarnationsAt(admin)).includes(other.incarnation)) throw new NodeIdTaken(node.nodeId, admin);
}

async function incarnationsAt(admin: string): Promise<string[]> {
  try {
    const response = await fetch(`http://${admin}/api/v1/status`, { signal: AbortSignal.timeout(answerMs) });
    const { incarnation, origins = [] } = statusViewSchema.parse(await response.json());
    return [incarnation, ...origins.map((origin) => origin.incarnation)];
  } catch {
    // Nobody there, or somebody else: either way not the other.
    return [];
  }
}
