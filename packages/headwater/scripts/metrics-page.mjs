// The page that lists every metric: from nodes of each role that are made, but not started. A test compares it with what
// running ones expose.
const { MemoryStreamRegistry, RegistryDiscovery } = await import('@headwater/cluster');
const { compileConfig, silentLogger } = await import('@headwater/contracts');
const { openAccess } = await import('../src/access/open-access.ts');
const { BoundAddresses } = await import('../src/bound-addresses.ts');
const { ConnectionGate } = await import('../src/connection-gate.ts');
const { PrometheusMetrics } = await import('../src/prometheus-metrics.ts');
const { hostParts } = await import('../src/origins/host-parts.ts');
const { originCount } = await import('../src/origins/origin-count.ts');
const { nodeParts } = await import('../src/roles/node-parts.ts');
const { SystemClock } = await import('../src/system-clock.ts');

/** @typedef {import('../src/prometheus-metrics.ts').MetricDescription} MetricDescription */

const roles = /** @type {const} */ (['origin', 'edge', 'controller', 'router']);

const intro = `# Metrics

\`GET /metrics\` on the admin port, in the text format of Prometheus. Beside these come those of the process and of Node
(\`process_…\`, \`nodejs_…\`), without the percentiles of \`nodejs_eventloop_lag_…\`: \`headwater_event_loop_lag_seconds\` is a histogram of
the same. A node with workers shows the sum over its processes, for \`headwater_discovery_…\` of an origin the highest of theirs.

A label has a few values that are known beforehand: reasons, codes of the error catalogue, protocols, kinds and roles. None is named
after a stream, a client or an address, so the number of series of a node does not depend on what it serves: below 1,000, most of them
buckets. What concerns one stream or session is in \`/api/v1/streams\` and \`/api/v1/sessions\`.

With \`discovery.kind: consul\` there is \`headwater_discovery_ignored_total\` besides: announcements that were not understood.

Rules and alerts over them are in \`deploy/prometheus\`, a dashboard is in \`deploy/grafana\`. They tell clusters that share a Prometheus
apart by the label \`namespace\`, which Kubernetes gives; where there is one cluster, nobody needs it.

Each publisher that is accepted is an epoch: \`headwater_publish_attempts_total\`. How long they stay, and why they end, is
\`headwater_origin_epoch_seconds\`: many short ones that were \`replaced\` are encoders that lose their connection. How long there was no
picture between two epochs is \`headwater_edge_epoch_gap_seconds\`; \`failed_over\` is a failover as viewers saw it, of which
\`headwater_controller_failover_seconds\` is the controllers' part. How long viewers were held, also within an epoch, is
\`headwater_edge_hold_seconds\`.

`;

/** The whole page. */
export function metricsPage() {
  /** @type {Map<string, { metric: MetricDescription, roles: string[] }>} */
  const found = new Map();
  for (const role of roles) {
    // With workers a part of them is measured there.
    const hasWorkers = role === 'edge' || role === 'origin';
    const own = [...metricsOf(role, 1), ...(hasWorkers ? metricsOf(role, 2) : [])];
    for (const metric of own) {
      const known = found.get(metric.name) ?? { metric, roles: [] };
      if (!known.roles.includes(role)) known.roles.push(role);
      found.set(metric.name, known);
    }
  }
  const rows = [...found.values()]
    .sort((a, b) => (a.metric.name < b.metric.name ? -1 : 1))
    .map(({ metric, roles: by }) =>
      [
        `\`${metric.name}\``,
        metric.kind,
        metric.labels.map((label) => `\`${label}\``).join(', '),
        by.length === roles.length ? 'all' : by.join(', '),
        metric.help,
      ].join(' | '),
    );
  const table = ['metric | kind | labels | roles | what', '--- | --- | --- | --- | ---', ...rows];
  return `${intro}${table.map((row) => `| ${row} |`).join('\n')}\n`;
}

/**
 * @param {typeof roles[number]} role
 * @param {number} workers
 */
function metricsOf(role, workers) {
  const metrics = new PrometheusMetrics();
  const clock = new SystemClock();
  const config = compileConfig(
    {
      registry: { kind: 'redis', redis: { url: 'redis://127.0.0.1:1' } },
      proxyProtocol: { trusted: ['192.0.2.1'] },
      workers,
    },
    { defaultNodeId: role },
  );
  metrics.measureEventLoop(clock);
  metrics.gauge({
    name: 'headwater_build_info',
    help: 'Always 1; the version is in the label.',
    labels: ['version'],
  });
  /** @type {import('../src/node-context.ts').NodeContext} */
  const context = {
    config,
    roles: [role],
    node: { nodeId: role, incarnation: 'none' },
    version: '',
    startedAtMs: 0,
    clock,
    logger: silentLogger,
    metrics,
    access: openAccess,
    gate: new ConnectionGate(config.limits, clock),
    print: () => undefined,
    addresses: new BoundAddresses(),
  };
  const origins = originCount(config, [role]);
  if (origins > 0) hostParts(context, origins);
  else nodeParts(context);
  // A node makes it when it starts.
  const registry = new MemoryStreamRegistry({ clock, leaseMs: config.registry.leaseMs });
  new RegistryDiscovery({ registry, clock, logger: silentLogger, metrics, selfId: role });
  return metrics.described();
}
