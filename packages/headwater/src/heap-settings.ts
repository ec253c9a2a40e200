// How V8 spends memory and time on collecting garbage in a node that serves viewers. Its own settings are for programs that
// make many objects; such a node makes few, and buffers beside the heap. See docs/decisions/0019-a-small-young-generation.md.
import { setFlagsFromString } from 'node:v8';

const settings = [
  // A young generation that stays as small as it begins: 1 MiB, which is in the processor's cache. It would grow to 16 MiB,
  // of which V8 keeps up to three, and buffers that nobody needs any more wait for its next collection.
  '--semi-space-growth-factor=1',
  // A full collection when as much has come as the last one left. V8 would not wait for half of that where little happens,
  // and go through all objects every two seconds for a few buffers.
  '--heap-growing-percent=100',
];

// Whoever sizes the heap by hand has reasons.
const sizedByHand = /--(max|min)[-_]semi[-_]space[-_]size|--semi[-_]space[-_]growth|--heap[-_]growing/;

/**
 * Sets them for this process, before it loads what fills the heap. Does nothing where arguments of Node, those in
 * `NODE_OPTIONS` included, size the heap.
 */
export function applyHeapSettings(
  nodeArguments: readonly string[] = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''],
): void {
  if (nodeArguments.some((argument) => sizedByHand.test(argument))) return;
  for (const setting of settings) setFlagsFromString(setting);
}
