// Every process on a machine reads the same monotonic clock through hrtime, so times taken in the publisher and in a
// viewer process can be subtracted. `performance.now()` reads that clock from an own origin, without allocating.
const originUs = Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000;

/** Microseconds of the machine's monotonic clock, the same in every process. */
export function nowUs(): number {
  return originUs + performance.now() * 1000;
}
