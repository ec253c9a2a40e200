import { networkInterfaces } from 'node:os';
import type { NodeRole } from '@headwater/cluster';
import type { Config } from '@headwater/contracts';
import type { NodeAddresses } from '../bound-addresses.ts';
import { defaultDemoUrl } from '../demo/demo-url.ts';

/** The node that is ready. */
export interface BannerNode {
  readonly addresses: NodeAddresses;
  readonly config: Config;
  readonly roles: readonly NodeRole[];
}

/** What the banner cannot know from the node. */
export interface BannerSurroundings {
  /** An address under which other machines may reach this one. */
  readonly lanAddress: string | undefined;
  /** How the person calls this program. */
  readonly command: string;
}

/** What a person needs next, once the node is ready: where to publish, where to watch, and lines to paste. */
export function bannerText(
  { addresses, config, roles }: BannerNode,
  surroundings: BannerSurroundings = here(),
): string {
  const app = config.apps.find((name) => !name.endsWith('*')) ?? 'live';
  const { rtmp, http, admin } = addresses;
  const hasViewers = roles.includes('edge');
  const lines = ['', '  Headwater is ready.', ''];
  if (rtmp !== undefined) {
    const url = `rtmp://${rtmp}/${app}/demo`;
    const key = config.access.kind === 'keys' ? '?token=KEY' : '';
    const picture = '-re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440';
    const codecs = '-c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 60 -c:a aac';
    const isDefault = `${url}${key}` === defaultDemoUrl;
    lines.push(
      `  Publish   OBS: server rtmp://${rtmp}/${app}, stream key demo${key}`,
      `            ffmpeg ${picture} ${codecs} -f flv '${url}${key}'`,
      `            or: ${surroundings.command} demo${isDefault ? '' : ` --url '${url}${key}'`}`,
    );
    if (hasViewers) lines.push('', `  Watch     ffplay -fflags nobuffer '${url}'`);
  }
  if (http !== undefined && hasViewers) {
    if (rtmp === undefined) lines.push('  Watch');
    lines.push(`            http://${http}/${app}/demo.flv    ws://${http}/${app}/demo.flv`);
    if (config.http.hasPage) lines.push(`            http://${http}/    every live stream, with a player`);
  } else if (http !== undefined) {
    lines.push(`  Watch     http://${http}/${app}/demo.flv    a redirect to the edge that is chosen`);
    lines.push(`            http://${http}/route/${app}/demo    its URL, and why that edge`);
  }
  if (admin !== undefined) {
    lines.push('', `  Admin     http://${admin}/healthz  /readyz  /metrics  /api/v1/openapi.json`);
  }
  if (surroundings.lanAddress !== undefined && config.rtmp.host === undefined) {
    lines.push('', `  From other machines use ${surroundings.lanAddress} instead of 127.0.0.1.`);
  }
  return `${lines.join('\n')}\n\n`;
}

function here(): BannerSurroundings {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const lan = all.find((address) => !address.internal && address.family === 'IPv4');
  // Started by npm from a checkout, there is no program of that name on the path.
  const isFromNpm = process.env['npm_lifecycle_event'] !== undefined;
  return { lanAddress: lan?.address, command: isFromNpm ? 'npm run -s headwater --' : 'headwater' };
}
