// `headwater drain NODE`: finds the node's admin address by asking any node, and has it drain.
import { nodeListSchema, readinessSchema } from '@headwater/contracts';
import { exitCode } from '../exit-code.ts';
import { AdminClient } from './admin-client.ts';
import { CliError } from './failure.ts';

/** Has a node drain. Throws `CliError` when it is not known, cannot be reached or refuses. */
export async function drainNode(
  nodeId: string,
  options: { readonly admin: string; readonly deadline: string },
): Promise<void> {
  const { items } = await new AdminClient(options.admin).get('/api/v1/nodes', nodeListSchema);
  const node = items.find(({ id }) => id === nodeId);
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
