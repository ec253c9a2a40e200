import { ensureBuilt } from '../../deploy/local/build.mjs';

/** System tests run the built program: it is built first when it is stale. */
export async function setup(): Promise<void> {
  await ensureBuilt();
}
