// `headwater status`, `streams` and `nodes`: what a node's admin API says, as a table or as JSON. Lists are objects with
// `items`, as the API's are, so that there is room for what concerns all of them.
import {
  nodeListSchema,
  statusViewSchema,
  streamPageSchema,
  type NodeListView,
  type StatusView,
  type StreamView,
} from '@headwater/contracts';
import { AdminClient } from './admin-client.ts';
import { textTable } from './text-table.ts';

/** Asks and prints. Throws `CliError` when there is no answer. */
export async function runQuery(
  what: 'status' | 'streams' | 'nodes',
  options: { readonly admin: string; readonly json: boolean },
): Promise<void> {
  const client = new AdminClient(options.admin);
  const print = <Answer>(answer: Answer, table: (answer: Answer) => string): void => {
    const text = options.json ? `${JSON.stringify(answer, undefined, 2)}\n` : table(answer);
    process.stdout.write(text);
  };
  switch (what) {
    case 'status':
      print(await client.get('/api/v1/status', statusViewSchema), statusTable);
      break;
    case 'streams':
      print(await allStreams(client), streamTable);
      break;
    case 'nodes':
      print(await client.get('/api/v1/nodes', nodeListSchema), nodeTable);
      break;
  }
}

async function allStreams(client: AdminClient): Promise<{ readonly items: readonly StreamView[] }> {
  const streams: StreamView[] = [];
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({ limit: '1000', ...(cursor === undefined ? {} : { cursor }) });
    const page = await client.get(`/api/v1/streams?${query.toString()}`, streamPageSchema);
    streams.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { items: streams };
}

function statusTable(status: StatusView): string {
  return textTable(
    ['NODE', status.nodeId],
    [
      ['version', status.version],
      ['roles', status.roles.join(', ')],
      ...(status.origins ?? []).map(({ nodeId }) => ['is the node', nodeId] as [string, string]),
      ['started', status.startedAt],
      ['ready', status.isReady ? 'yes' : `no: ${status.reasons.join('; ')}`],
      ...(status.doubts ?? []).map((doubt) => ['in doubt', doubt] as [string, string]),
      ['streams', String(status.streams)],
      ['publishers', String(status.publishers)],
      ['viewers', String(status.viewers)],
    ],
  );
}

function streamTable({ items }: { readonly items: readonly StreamView[] }): string {
  if (items.length === 0) return 'no streams\n';
  const rows = items.map((stream) => [
    stream.key,
    stream.state,
    stream.owner ?? '-',
    stream.codecs.join(' ') || '-',
    String(Object.values(stream.viewers).reduce((sum, count) => sum + count, 0)),
    stream.publisher === undefined ? '-' : `${(stream.publisher.bitsPerSecond / 1e6).toFixed(2)} Mbit/s`,
    stream.since,
  ]);
  return textTable(['STREAM', 'STATE', 'OWNER', 'CODECS', 'VIEWERS', 'IN', 'SINCE'], rows);
}

function nodeTable({ items, isStale }: NodeListView): string {
  const warning = isStale ? 'this list may be out of date\n' : '';
  if (items.length === 0) return `no nodes\n${warning}`;
  const rows = items.map((node) => [
    node.id,
    node.roles.join(','),
    node.zone,
    node.addresses.rtmp ?? '-',
    node.addresses.http ?? '-',
    String(node.load.publishers),
    String(node.load.viewers),
    node.distanceMs === undefined ? '-' : `${node.distanceMs.toFixed(1)} ms`,
    node.isDraining ? 'draining' : 'serving',
  ]);
  const heads = ['NODE', 'ROLES', 'ZONE', 'RTMP', 'HTTP', 'PUBLISHERS', 'VIEWERS', 'DISTANCE', 'STATE'];
  return textTable(heads, rows) + warning;
}
