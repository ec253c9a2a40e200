import { networkInterfaces } from 'node:os';
import type { Config } from '@headwater/contracts';
import type { NodeAddresses } from '../bound-addresses.ts';

/** What a person needs next, once the node is ready: where to publish, where to watch, and lines to paste. */
export function bannerText(
  addresses: NodeAddresses,
  config: Config,
  lan: string | undefined = lanAddress(),
): string {
  const app = config.apps.find((name) => !name.endsWith('*')) ?? 'live';
  const { rtmp, http, admin } = addresses;
  const lines = ['', '  Headwater is ready.', ''];
  if (rtmp !== undefined) {
    const url = `rtmp://${rtmp}/${app}/demo`;
    const key = config.access.kind === 'keys' ? '?token=KEY' : '';
    lines.push(
      `  Publish   OBS: server rtmp://${rtmp}/${app}, stream key demo${key}`,
      `            ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440 \\`,
      `              -c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 60 -c:a aac -f flv '${url}${key}'`,
      `            or: headwater demo`,
      '',
      `  Watch     ffplay -fflags nobuffer '${url}'`,
    );
  }
  if (http !== undefined) {
    if (rtmp === undefined) lines.push('  Watch');
    lines.push(`            http://${http}/${app}/demo.flv    ws://${http}/${app}/demo.flv`);
    if (config.http.hasPage) lines.push(`            http://${http}/    every live stream, with a player`);
  }
  if (admin !== undefined) {
    lines.push('', `  Admin     http://${admin}/healthz  /readyz  /metrics  /api/v1/openapi.json`);
  }
  if (lan !== undefined && config.rtmp.host === undefined) {
    lines.push('', `  From other machines use ${lan} instead of 127.0.0.1.`);
  }
  return `${lines.join('\n')}\n\n`;
}

/** An address under which other machines of the network may reach this one. */
function lanAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find((address) => !address.internal && address.family === 'IPv4')?.address;
}
