// `headwater route explain`: where a router would send a viewer, and why.
import { isIP } from 'node:net';
import {
  AppError,
  parseStreamKey,
  routeExplanationSchema,
  splitStreamKey,
  type RouteExplanationView,
} from '@headwater/contracts';
import { exitCode } from '../exit-code.ts';
import { AdminClient } from './admin-client.ts';
import { CliError } from './failure.ts';
import { textTable } from './text-table.ts';

/** Asks a router and prints what it says. Throws `CliError` when there is no answer. */
export async function explainRoute(
  stream: string,
  options: {
    readonly from: string;
    readonly protocol: string;
    readonly admin: string;
    readonly json: boolean;
  },
): Promise<void> {
  const { from, protocol, admin, json } = options;
  const { app, name } = partsOf(stream);
  if (isIP(from) === 0) throw new CliError(exitCode.usage, `--from ${from}: expected an IP address`);
  const query = new URLSearchParams({ from, protocol });
  const path = `/api/v1/route/${app}/${name}?${query.toString()}`;
  const explanation = await new AdminClient(admin).get(path, routeExplanationSchema);
  process.stdout.write(
    json ? `${JSON.stringify(explanation, undefined, 2)}\n` : explanationText(explanation),
  );
}

function partsOf(stream: string): { app: string; name: string } {
  try {
    return splitStreamKey(parseStreamKey(stream));
  } catch (caught) {
    if (caught instanceof AppError) throw new CliError(exitCode.usage, caught.message);
    throw caught;
  }
}

const sources = {
  network: 'by router.networks',
  database: 'by router.geoDatabase',
  router: 'where the router is, as nothing says where the viewer is',
} as const;

function explanationText({ viewer, chosen, reason, candidates, edges }: RouteExplanationView): string {
  const { address, zone, region, source } = viewer;
  const head = [
    `viewer   ${address}, in zone ${zone}${region === undefined ? '' : ` of ${region}`} (${sources[source]})`,
    `edge     ${chosen === undefined ? 'none' : `${chosen.node}, ${chosen.url}`}`,
    `because  ${reason}`,
  ];
  const rows = candidates.map((candidate) => [
    candidate.node,
    candidate.zone,
    candidate.region,
    candidate.distanceMs === undefined ? '-' : `${candidate.distanceMs.toFixed(1)} ms`,
    `${String(candidate.viewers)}/${String(candidate.capacity)}`,
    candidate.verdict === 'chosen' ? 'yes' : 'no',
    candidate.why,
  ]);
  if (rows.length === 0) return `${head.join('\n')}\n`;
  const table = textTable(['EDGE', 'ZONE', 'REGION', 'DISTANCE', 'VIEWERS', 'CHOSEN', 'WHY'], rows);
  const more = edges > rows.length ? `… and ${String(edges - rows.length)} more\n` : '';
  return `${head.join('\n')}\n\n${table}${more}`;
}
