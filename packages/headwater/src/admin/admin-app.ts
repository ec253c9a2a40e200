// The admin port's requests and answers: health, metrics, and the API over the node's view of itself.
import { OpenAPIHono } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { AppError, streamKey, type Readiness, type StatusView } from '@headwater/contracts';
import { addJobs } from './job-handlers.ts';
import type { NodeView } from './node-view.ts';
import { pageOf } from './paging.ts';
import { problemOfError, problemOfStatus } from './problem-response.ts';
import * as routes from './routes.ts';

const maxBodyBytes = 16_384;

/** What the admin API shows. */
export interface AdminAppOptions {
  readonly version: string;
  readonly view: NodeView;
  readiness(): Readiness;
  /** Begins to send everybody elsewhere. */
  drain(deadlineMs: number): void;
  /** This node, without what is counted from the view. */
  status(): Omit<StatusView, 'isReady' | 'reasons' | 'streams' | 'publishers' | 'viewers'>;
  metrics(): Promise<{ readonly text: string; readonly contentType: string }>;
  /** Told of faults of ours, with the path that hit one. */
  failed(error: unknown, path: string): void;
}

/** The application behind the admin port. */
export function createAdminApp(options: AdminAppOptions): OpenAPIHono {
  const app = new OpenAPIHono({
    defaultHook: (result) => {
      if (result.success) return undefined;
      const [issue] = result.error.issues;
      const details = { parameter: issue?.path.join('.'), problem: issue?.message };
      return problemOfError(new AppError('request_malformed', { details }));
    },
  });
  app.use(async (context, next) => {
    const { req } = context;
    const length = req.header('content-length') ?? '0';
    const isStreamed = req.header('transfer-encoding') !== undefined;
    if (length === '0' && !isStreamed) return next();
    const mayHaveBody = req.method === 'POST' && req.path === '/api/v1/jobs';
    if (mayHaveBody && !isStreamed && Number(length) <= maxBodyBytes) return next();
    const what = mayHaveBody
      ? `a body has a content-length of at most ${maxBodyBytes}`
      : 'no such request has a body';
    return problemOfStatus(413, what, { connection: 'close' });
  });
  app.use(async (context, next) => {
    await next();
    context.res.headers.set('x-content-type-options', 'nosniff');
    if (!context.res.headers.has('cache-control')) context.res.headers.set('cache-control', 'no-store');
  });
  addHealth(app, options);
  addStreams(app, options.view);
  addSessions(app, options.view);
  addNodes(app, options);
  addDrain(app, options);
  addRouting(app, options.view);
  addJobs(app, () => options.view.jobs);
  app.get('/api/v1/openapi.json', (context) => context.json(openApiDocument(app, options.version)));
  app.notFound((context) => {
    const allowed = methodsOf(app, context.req.path);
    if (allowed.length === 0) return problemOfStatus(404, `there is no ${context.req.path.slice(0, 128)}`);
    return problemOfStatus(405, `only ${allowed.join(', ')}`, { allow: allowed.join(', ') });
  });
  app.onError((error, context) => {
    if (error instanceof HTTPException) {
      if (error.res !== undefined) return error.getResponse();
      return problemOfError(new AppError('request_malformed', { details: { problem: error.message } }));
    }
    if (!(error instanceof AppError)) options.failed(error, context.req.path);
    return problemOfError(error);
  });
  return app;
}

/** The OpenAPI document of the application. */
export function openApiDocument(app: OpenAPIHono, version: string): object {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Headwater admin API',
      version,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    tags: [
      { name: 'health', description: 'Health checks and metrics.' },
      { name: 'streams', description: 'What is live.' },
      { name: 'sessions', description: 'Who is connected.' },
      { name: 'nodes', description: 'The cluster.' },
      { name: 'routing', description: 'To which edges viewers are sent.' },
      { name: 'jobs', description: 'What origins fetch by themselves.' },
    ],
  });
}

function addHealth(app: OpenAPIHono, options: AdminAppOptions): void {
  app.openapi(routes.healthRoute, (context) => context.json({ status: 'ok' as const }, 200));
  app.openapi(routes.readyRoute, (context) => {
    const readiness = options.readiness();
    return readiness.isReady ? context.json(readiness, 200) : context.json(readiness, 503);
  });
  app.openapi(routes.metricsRoute, async (context) => {
    const { text, contentType } = await options.metrics();
    return context.text(text, 200, { 'content-type': contentType });
  });
}

function addStreams(app: OpenAPIHono, view: NodeView): void {
  app.openapi(routes.streamsRoute, async (context) => {
    const { limit, cursor } = context.req.valid('query');
    return context.json(pageOf(await view.streams(), { limit, cursor, keyOf: (stream) => stream.key }), 200);
  });
  app.openapi(routes.streamRoute, async (context) => {
    const { app: application, name } = context.req.valid('param');
    const key = streamKey(application, name);
    const stream = (await view.streams()).find((candidate) => candidate.key === key);
    if (stream === undefined) throw new AppError('stream_not_found', { details: { stream: key } });
    return context.json(stream, 200);
  });
}

function addSessions(app: OpenAPIHono, view: NodeView): void {
  app.openapi(routes.sessionsRoute, async (context) => {
    const { limit, cursor, stream, role, protocol } = context.req.valid('query');
    const sessions = (await view.sessions())
      .filter((session) => stream === undefined || session.stream === stream)
      .filter((session) => role === undefined || session.role === role)
      .filter((session) => protocol === undefined || session.protocol === protocol);
    return context.json(pageOf(sessions, { limit, cursor, keyOf: (session) => session.id }), 200);
  });
  app.openapi(routes.sessionRoute, async (context) => {
    const { id } = context.req.valid('param');
    const session = (await view.sessions()).find((candidate) => candidate.id === id);
    if (session === undefined) throw noSession();
    return context.json(session, 200);
  });
  app.openapi(routes.kickRoute, async (context) => {
    const { id } = context.req.valid('param');
    if (!(await view.kick(id))) throw noSession();
    return context.body(null, 204);
  });
}

function addNodes(app: OpenAPIHono, options: AdminAppOptions): void {
  const { view } = options;
  app.openapi(routes.nodesRoute, async (context) => context.json(await view.nodes(), 200));
  app.openapi(routes.statusRoute, async (context) => {
    const [sessions, streams] = await Promise.all([view.sessions(), view.streams()]);
    const publishers = sessions.filter((session) => session.role === 'publisher').length;
    return context.json(
      {
        ...options.status(),
        ...options.readiness(),
        streams: streams.length,
        publishers,
        viewers: sessions.length - publishers,
      },
      200,
    );
  });
}

function addRouting(app: OpenAPIHono, view: NodeView): void {
  app.openapi(routes.routeExplanationRoute, (context) => {
    const { app: application, name } = context.req.valid('param');
    const { from, protocol } = context.req.valid('query');
    return context.json(view.explainRoute(streamKey(application, name), protocol, from), 200);
  });
}

function addDrain(app: OpenAPIHono, options: AdminAppOptions): void {
  app.openapi(routes.drainRoute, (context) => {
    options.drain(context.req.valid('query').deadlineSeconds * 1000);
    return context.json(options.readiness(), 202);
  });
}

function noSession(): HTTPException {
  return new HTTPException(404, { res: problemOfStatus(404, 'there is no session with this id') });
}

/** The methods that a path answers to. */
function methodsOf(app: OpenAPIHono, path: string): string[] {
  const methods = new Set<string>();
  for (const route of app.routes) {
    if (route.method === 'ALL') continue;
    const pattern = new RegExp(`^${route.path.replace(/:[^/]+/g, '[^/]+')}$`);
    if (pattern.test(path)) methods.add(route.method);
  }
  return [...methods].sort();
}
