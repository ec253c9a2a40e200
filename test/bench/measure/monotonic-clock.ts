// Every process on a machine reads the same monotonic clock through hrtime, so times taken in the publisher and in a
// viewer process can be subtracted. `performance.now()` reads that clock from an own origin, without allocating.
const originUs = findOriginUs();

/** Microseconds of the machine's monotonic clock, the same in every process. */
export function nowUs(): number {
  return originUs + performance.now() * 1000;
}

// On a busy machine anything may come between two readings: of several tries the one with the least between them counts.
function findOriginUs(): number {
  let originUs = 0;
  let leastUs = Infinity;
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const beforeUs = Number(process.hrtime.bigint() / 1000n);
    const own = performance.now();
    const betweenUs = Number(process.hrtime.bigint() / 1000n) - beforeUs;
    if (betweenUs >= leastUs) continue;
    leastUs = betweenUs;
    originUs = beforeUs + betweenUs / 2 - own * 1000;
  }
  return originUs;
}
