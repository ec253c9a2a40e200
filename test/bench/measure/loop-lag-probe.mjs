// Preloaded into a Node server that is measured: at SIGUSR2 it writes how late its event loop was since the last time to
// `loop-lag-PID.json` in the working directory, and counts anew. In JavaScript, because the server has no loader.
import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

// A finer one costs the server more than a stream does.
const resolutionMs = 50;
const file = `loop-lag-${String(process.pid)}.json`;
const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
let writes = 0;

/** What the histogram counts is the time from one tick to the next. */
function write() {
  const p99Ms = Math.max(0, histogram.percentile(99) / 1e6 - resolutionMs);
  histogram.reset();
  writeFileSync(`${file}.new`, JSON.stringify({ writes: ++writes, p99Ms }));
  renameSync(`${file}.new`, file);
}

process.on('SIGUSR2', write);
write();
histogram.enable();
