// The program of an origin in a node that is made of several.
import { workerProgram, workerSetup } from '../workers/worker-program.ts';
import type { OriginSetup } from './origin-messages.ts';
import { OriginNode } from './origin-node.ts';

const setup = (await workerSetup()) as OriginSetup;
const program = await workerProgram({ ...setup.config.log, fields: { nodeId: setup.node.nodeId } });
await new OriginNode(setup, program).start();
