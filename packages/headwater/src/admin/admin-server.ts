// The admin port as a service: an HTTP server with limits on everything a client may send or delay.
import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Readiness } from '@headwater/contracts';
import { listen } from '../listen.ts';
import type { NodeContext } from '../node-context.ts';
import { RateLimitedLog } from '../rate-limited-log.ts';
import type { Service } from '../service.ts';
import { createAdminApp } from './admin-app.ts';
import type { NodeView } from './node-view.ts';

const maxConnections = 512;
const requestTimeoutMs = 10_000;

/** What the admin server is made of. */
export interface AdminServerOptions {
  readonly context: NodeContext;
  readonly view: NodeView;
  readiness(): Readiness;
  drain(deadlineMs: number): Promise<void>;
}

/** Serves the admin API. */
export class AdminServer implements Service {
  readonly name = 'admin';
  readonly #context: NodeContext;
  readonly #server: Server;

  constructor(options: AdminServerOptions) {
    const { context, view } = options;
    const { node, roles, version, metrics } = context;
    this.#context = context;
    const trouble = new RateLimitedLog(context.logger, context.clock);
    const startedAt = new Date(context.startedAtMs).toISOString();
    const app = createAdminApp({
      version,
      view,
      readiness: () => options.readiness(),
      drain: (deadlineMs) => {
        options.drain(deadlineMs).catch((error: unknown) => {
          context.logger.error({ err: error }, 'drain failed');
        });
      },
      status: () => {
        const origins = view.origins?.();
        const common = { ...node, version, roles: [...roles], startedAt };
        return origins === undefined ? common : { ...common, origins: [...origins] };
      },
      metrics: async () => ({
        text: await metrics.render(await view.furtherMetrics()),
        contentType: metrics.contentType,
      }),
      failed: (error, path) => trouble.report('error', { err: error, path }, 'admin request failed'),
    });
    // The host stands in where a request names none.
    const respond = getRequestListener(app.fetch, { overrideGlobalObjects: false, hostname: 'localhost' });
    this.#server = createServer(
      {
        maxHeaderSize: 16 * 1024,
        headersTimeout: requestTimeoutMs,
        requestTimeout: requestTimeoutMs,
        keepAliveTimeout: 5_000,
        connectionsCheckingInterval: 1_000,
        noDelay: true,
        // Health checks of load balancers speak HTTP/1.0 without one.
        requireHostHeader: false,
      },
      (request, response) => void respond(request, response),
    );
    this.#server.maxConnections = maxConnections;
  }

  async start(): Promise<void> {
    this.#context.addresses.set('admin', await listen(this.#server, this.#context.config.admin));
  }

  async stop(deadlineMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#context.clock.after(deadlineMs, () => this.#server.closeAllConnections());
      this.#server.close(() => {
        timer.cancel();
        resolve();
      });
      this.#server.closeIdleConnections();
    });
  }
}
