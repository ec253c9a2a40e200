/** What a Headwater node says of its own memory, in bytes; arrays of bytes count as external. Throws when it does not answer. */
export async function readNodeMemory(adminUrl: string): Promise<{ heap: number; external: number }> {
  const response = await fetch(`${adminUrl}/metrics`);
  const text = await response.text();
  return {
    heap: valueOf(text, 'nodejs_heap_size_used_bytes'),
    external: valueOf(text, 'nodejs_external_memory_bytes'),
  };
}

function valueOf(text: string, metric: string): number {
  const value = Number(new RegExp(`^${metric} (\\S+)$`, 'm').exec(text)?.[1]);
  if (Number.isNaN(value)) throw new Error(`the node has no metric ${metric}`);
  return value;
}
