// `headwater drain NODE`: finds the node's admin address by asking any node, and has it drain.
import { nodeListSchema, readinessSchema, statusViewSchema, type NodeListView } from '@headwater/contracts';
import { exitCode } from '../exit-code.ts';
import { AdminClient } from './admin-client.ts';
import { CliError } from './failure.ts';

/** Has a node drain. Throws `CliError` when it is not known, cannot be reached or refuses. */
export async function drainNode(
  nodeId: string,
  options: { readonly admin: string; readonly deadline: string },
): Promise<void> {
  const { items } = await new AdminClient(options.admin).get('/api/v1/nodes', nodeListSchema);
  const node = items.find(({ id }) => id === nodeId) ?? (await anOriginOf(nodeId, items));
  if (node === undefined) {
    const known = items.map(({ id }) => id).join(', ');
    throw new CliError(exitCode.usage, `there is no node ${nodeId}; known are: ${known}`);
  }
  const { admin } = node.addresses;
  if (admin === undefined) throw new CliError(exitCode.fault, `node ${nodeId} has no admin address`);
  const query = new URLSearchParams({ deadlineSeconds: options.deadline });
  await new AdminClient(admin).post(`/api/v1/drain?${query.toString()}`, readinessSchema);
  process.stdout.write(`${nodeId} is draining\n`);
}

// What is made of several origins is in no list, but they are, with its admin address. Whether it is theirs it says itself:
// others may have names like theirs.
async function anOriginOf(
  nodeId: string,
  items: NodeListView['items'],
): Promise<NodeListView['items'][number] | undefined> {
  for (const item of items) {
    const { admin } = item.addresses;
    const isLike = item.id.startsWith(`${nodeId}-`) && /^\d+$/.test(item.id.slice(nodeId.length + 1));
    if (!isLike || admin === undefined) continue;
    const status = await new AdminClient(admin)
      .get('/api/v1/status', statusViewSchema)
      .catch(() => undefined);
    if (status?.nodeId === nodeId) return item;
  }
  return undefined;
}
