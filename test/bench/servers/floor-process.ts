// The floor: `floor-process.ts PORT-FILE WINDOW-MS STREAM-RATE`. No protocol, no limits, no care for slow viewers: only the writes
// that no server can do without.
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import {
  openingMessages,
  type StreamRate,
  SyntheticStream,
  type SyntheticMessage,
} from '../load/synthetic-stream.ts';
import { nowUs } from '../measure/monotonic-clock.ts';
import { VIDEO } from '../wire/media-listener.ts';
import { LOOPBACK } from './contender.ts';

const [portFile = '', windowText = '0', rate = '1m'] = process.argv.slice(2);
const windowMs = Number(windowText);
const KEYFRAME = 0x17;
const RESPONSE = 'HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\n';
const FLV_HEADER = Buffer.from('464c5601050000000900000000', 'hex');

function flvTag({ type, timestampMs, payload }: SyntheticMessage): Buffer {
  const tag = Buffer.alloc(11 + payload.length + 4);
  tag.writeUInt8(type, 0);
  tag.writeUIntBE(payload.length, 1, 3);
  tag.writeUIntBE(timestampMs & 0xffffff, 4, 3);
  tag.writeUInt8(timestampMs >>> 24, 7);
  payload.copy(tag, 11);
  tag.writeUInt32BE(11 + payload.length, 11 + payload.length);
  return tag;
}

const opening = Buffer.concat([Buffer.from(RESPONSE), FLV_HEADER, ...openingMessages().map(flvTag)]);
const viewers = new Set<net.Socket>();
let gop: Buffer[] = [];
let pending: Buffer[] = [];
let flushedUs = nowUs();
/** What joiners get, shared by all that come before the next flush. */
let joining: Buffer | undefined;

function flush(): void {
  const batch = Buffer.concat(pending);
  pending = [];
  joining = undefined;
  flushedUs = nowUs();
  gop.push(batch);
  for (const viewer of viewers) viewer.write(batch);
}

function takeMessage(message: SyntheticMessage): void {
  const isKeyframe = message.type === VIDEO && message.payload[0] === KEYFRAME;
  if (isKeyframe) {
    if (pending.length > 0) flush();
    gop = [];
  }
  pending.push(flvTag(message));
  const isFlushDue =
    windowMs === 0 ? message.type === VIDEO : isKeyframe || nowUs() - flushedUs >= windowMs * 1000;
  if (isFlushDue) flush();
}

const stream = new SyntheticStream(rate as StreamRate);
const startedUs = nowUs();
function produce(): void {
  for (let now = nowUs(); stream.dueMs * 1000 <= now - startedUs; now = nowUs()) {
    takeMessage(stream.next(now));
  }
  setTimeout(produce, Math.max(1, stream.dueMs - (nowUs() - startedUs) / 1000));
}
produce();

const server = net.createServer({ noDelay: true }, (viewer) => {
  viewer.on('error', () => undefined);
  viewer.on('close', () => viewers.delete(viewer));
  viewer.once('data', () => {
    joining ??= Buffer.concat([opening, ...gop]);
    viewer.write(joining);
    viewers.add(viewer);
  });
});
server.listen(0, LOOPBACK, 4096, () => {
  const address = server.address();
  if (address !== null && typeof address !== 'string') writeFileSync(portFile, String(address.port));
});
