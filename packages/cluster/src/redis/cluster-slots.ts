import type { RedisAddress } from './redis-server.ts';

/** The hash slot of a hash tag: CRC-16 (XMODEM) modulo 16384, as the Redis Cluster specification says. */
export function slotOf(tag: string): number {
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc % 16_384;
}

/** Reads the reply of CLUSTER SLOTS; `asked` stands in where a node does not know its own host. Throws without a master. */
export function slotMaster(reply: unknown, slot: number, asked: RedisAddress): RedisAddress {
  for (const range of Array.isArray(reply) ? (reply as unknown[]) : []) {
    if (!Array.isArray(range)) continue;
    const [first, last, master] = range as unknown[];
    if (typeof first !== 'number' || typeof last !== 'number' || slot < first || slot > last) continue;
    const [host, port] = Array.isArray(master) ? (master as unknown[]) : [];
    if (typeof port === 'number') {
      return { host: typeof host === 'string' && host !== '' ? host : asked.host, port };
    }
  }
  throw new Error(`CLUSTERDOWN nobody serves slot ${slot}`);
}
