// What the relay costs: messages a second and CPU seconds a GB, of the server and of the client, each in a process of its
// own, for batches of about 2, 20 and 200 KB.
//   node --import tsx --conditions source packages/relay/scripts/bench.mjs
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { silentLogger, silentMetrics, streamKey } from '@headwater/contracts';
import { RelayClient, relayFormat, RelayServer } from '../src/index.ts';
import { realClock, testFrames } from '../src/testing/index.ts';

const common = { clock: realClock, logger: silentLogger, metrics: silentMetrics };
const epoch = 1_700_000_000_000;
const sizes = [
  { kilobytes: 2, frames: 2, messages: 60_000 },
  { kilobytes: 20, frames: 10, messages: 30_000 },
  { kilobytes: 200, frames: 70, messages: 5_000 },
];

if (process.send === undefined) await runClient();
else await runServer();

async function runServer() {
  const server = new RelayServer({
    ...common,
    source: { open: pump },
    probe: () => ({ nodeId: 'bench', incarnation: 'bench', isDraining: false }),
  });
  const { address } = await server.start('127.0.0.1', 0);
  process.send?.({ address });
  process.on('message', () => process.send?.({ cpuSeconds: cpuSeconds() }));
  process.on('disconnect', () => process.exit());
}

/** @param {import('../src/index.ts').PullCall} call */
function pump(call) {
  const size = sizes[call.request.resume?.sequence ?? 0];
  if (size === undefined) throw new Error('no such size');
  const frames = testFrames(0, size.frames, Math.floor((size.kilobytes * 1000) / size.frames) - 21);
  const batch = relayFormat(epoch).encode(frames);
  call.opened({ epoch, firstSequence: 0, resumed: false, state: 'live' });
  let left = size.messages;
  const fill = () => {
    while (left > 0 && call.sink.pendingBytes < 1_000_000) {
      left--;
      call.sink.write(batch);
    }
    if (left > 0) setImmediate(fill);
    else call.ended('unpublished');
  };
  fill();
}

async function runClient() {
  const child = fork(fileURLToPath(import.meta.url), { execArgv: process.execArgv });
  /** @type {(message: unknown) => Promise<{ address: string, cpuSeconds: number }>} */
  const ask = async (message) =>
    new Promise((resolve) => {
      child.once('message', (answer) => {
        resolve(/** @type {{ address: string, cpuSeconds: number }} */ (answer));
      });
      if (message !== undefined) child.send('cpu');
    });
  const { address } = await ask(undefined);
  const client = new RelayClient({ ...common, nodeId: 'bench' });
  process.stdout.write('batch KB | messages/s | MB/s | server CPU-s/GB | client CPU-s/GB\n');
  for (const [index, size] of [...sizes.entries(), ...sizes.entries()]) {
    const serverBefore = (await ask('cpu')).cpuSeconds;
    const clientBefore = cpuSeconds();
    const startedMs = performance.now();
    const { bytes, messages } = await pullAll(client, address, index);
    const seconds = (performance.now() - startedMs) / 1000;
    const clientCpu = cpuSeconds() - clientBefore;
    const serverCpu = (await ask('cpu')).cpuSeconds - serverBefore;
    const gigabytes = bytes / 1e9;
    const figures = [
      String(size.kilobytes),
      (messages / seconds).toFixed(0),
      (bytes / 1e6 / seconds).toFixed(0),
      (serverCpu / gigabytes).toFixed(2),
      (clientCpu / gigabytes).toFixed(2),
    ];
    process.stdout.write(`${figures.join(' | ')}\n`);
  }
  client.close();
  child.disconnect();
}

/**
 * @param {RelayClient} client
 * @param {string} address
 * @param {number} index of the size, sent as the resume point
 * @returns {Promise<{ bytes: number, messages: number }>}
 */
async function pullAll(client, address, index) {
  let bytes = 0;
  let messages = 0;
  return new Promise((resolve, reject) => {
    const request = { stream: streamKey('live', 'bench'), resume: { epoch, sequence: index } };
    client.pull(address, request, {
      opened: () => undefined,
      frames: (frames) => {
        messages++;
        for (const { payload } of frames) bytes += payload.length;
      },
      state: () => undefined,
      ended: () => {
        resolve({ bytes, messages });
      },
      failed: reject,
    });
  });
}

function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
