// Every route of the admin port as OpenAPI knows it. The handlers are in `admin-app.ts`.
import { createRoute, z } from '@hono/zod-openapi';
import {
  jobIdPattern,
  jobListSchema,
  jobRequestSchema,
  jobViewSchema,
  nodeListSchema,
  problemSchema,
  readinessSchema,
  routeExplanationSchema,
  routeProtocolSchema,
  sessionPageSchema,
  sessionProtocolSchema,
  sessionViewSchema,
  statusViewSchema,
  streamPageSchema,
  streamViewSchema,
} from '@headwater/contracts';

const part = z.string().min(1).max(128);

const pageQuery = {
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Items of a page.'),
  cursor: z.string().max(300).optional().describe('`nextCursor` of the page before.'),
};

function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

function problem(description: string) {
  return { description, content: { 'application/problem+json': { schema: problemSchema } } };
}

const malformed = { 400: problem('A parameter is not valid.') };

/** Is the process alive? */
export const healthRoute = createRoute({
  method: 'get',
  path: '/healthz',
  summary: 'Liveness: the process runs and answers',
  tags: ['health'],
  responses: { 200: json(z.object({ status: z.literal('ok') }), 'It does.') },
});

/** Should peers be sent here? */
export const readyRoute = createRoute({
  method: 'get',
  path: '/readyz',
  summary: 'Readiness: publishers and viewers may be sent here',
  tags: ['health'],
  responses: { 200: json(readinessSchema, 'Ready.'), 503: json(readinessSchema, 'Not ready, and why.') },
});

/** Prometheus's text. */
export const metricsRoute = createRoute({
  method: 'get',
  path: '/metrics',
  summary: 'Metrics in the text format of Prometheus',
  tags: ['health'],
  responses: { 200: { description: 'Metrics.', content: { 'text/plain': { schema: z.string() } } } },
});

/** This node. */
export const statusRoute = createRoute({
  method: 'get',
  path: '/api/v1/status',
  summary: 'The answering node',
  tags: ['nodes'],
  responses: { 200: json(statusViewSchema, 'The node.') },
});

/** The cluster's nodes. */
export const nodesRoute = createRoute({
  method: 'get',
  path: '/api/v1/nodes',
  summary: 'The nodes of the cluster',
  tags: ['nodes'],
  responses: { 200: json(nodeListSchema, 'All nodes, as the answering node knows them.') },
});

/** The node's streams. */
export const streamsRoute = createRoute({
  method: 'get',
  path: '/api/v1/streams',
  summary: 'The streams of this node',
  tags: ['streams'],
  request: { query: z.object(pageQuery) },
  responses: { 200: json(streamPageSchema, 'Streams in the order of their keys.'), ...malformed },
});

/** One stream. */
export const streamRoute = createRoute({
  method: 'get',
  path: '/api/v1/streams/{app}/{name}',
  summary: 'One stream of this node',
  tags: ['streams'],
  request: { params: z.object({ app: part, name: part }) },
  responses: { 200: json(streamViewSchema, 'The stream.'), ...malformed, 404: problem('Not live here.') },
});

/** The node's publishers and viewers. */
export const sessionsRoute = createRoute({
  method: 'get',
  path: '/api/v1/sessions',
  summary: 'The publishers and viewers of this node',
  tags: ['sessions'],
  request: {
    query: z.object({
      ...pageQuery,
      stream: z.string().max(300).optional().describe('Only those of a stream, `app/name`.'),
      role: z.enum(['publisher', 'viewer']).optional(),
      protocol: sessionProtocolSchema.optional(),
    }),
  },
  responses: { 200: json(sessionPageSchema, 'Sessions in the order of their ids.'), ...malformed },
});

/** One publisher or viewer. */
export const sessionRoute = createRoute({
  method: 'get',
  path: '/api/v1/sessions/{id}',
  summary: 'One publisher or viewer of this node',
  tags: ['sessions'],
  request: { params: z.object({ id: part }) },
  responses: { 200: json(sessionViewSchema, 'The session.'), ...malformed, 404: problem('No such session.') },
});

/** Closes one. */
export const kickRoute = createRoute({
  method: 'delete',
  path: '/api/v1/sessions/{id}',
  summary: 'Disconnect a publisher or viewer',
  tags: ['sessions'],
  request: { params: z.object({ id: part }) },
  responses: { 204: { description: 'It is being closed.' }, ...malformed, 404: problem('No such session.') },
});

/** Sends everybody elsewhere. */
export const drainRoute = createRoute({
  method: 'post',
  path: '/api/v1/drain',
  summary: 'Take nobody new and send publishers elsewhere',
  tags: ['nodes'],
  request: {
    query: z.object({
      deadlineSeconds: z.coerce
        .number()
        .min(0)
        .max(3600)
        .default(300)
        .describe('How long publishers have before they are sent away.'),
    }),
  },
  responses: { 202: json(readinessSchema, 'It has begun.'), ...malformed },
});

/** Where would a viewer be sent? */
export const routeExplanationRoute = createRoute({
  method: 'get',
  path: '/api/v1/route/{app}/{name}',
  summary: 'Where this router would send a viewer, and why',
  tags: ['routing'],
  request: {
    params: z.object({ app: part, name: part }),
    query: z.object({
      from: z.union([z.ipv4(), z.ipv6()], 'expected an IP address').describe('Address of the viewer.'),
      protocol: routeProtocolSchema.default('flv'),
    }),
  },
  responses: {
    200: json(routeExplanationSchema, 'The choice, and every edge that was looked at.'),
    ...malformed,
    404: problem('This node is no router.'),
  },
});

/** All jobs. */
export const jobsRoute = createRoute({
  method: 'get',
  path: '/api/v1/jobs',
  summary: 'The jobs of the cluster',
  tags: ['jobs'],
  responses: {
    200: json(jobListSchema, 'All jobs, in the order of their ids.'),
    503: problem('The registry does not answer.'),
  },
});

/** Adds one. */
export const addJobRoute = createRoute({
  method: 'post',
  path: '/api/v1/jobs',
  summary: 'Have an origin fetch a source and publish it as a stream',
  tags: ['jobs'],
  request: { body: { required: true, content: { 'application/json': { schema: jobRequestSchema } } } },
  responses: {
    200: json(jobViewSchema, 'It was there already.'),
    201: json(jobViewSchema, 'It is new.'),
    400: problem('The job is not valid.'),
    404: problem('The application is not served.'),
    409: problem('The stream has a job with another source.'),
    503: problem('There are too many jobs, or the registry does not answer.'),
  },
});

/** Removes one. */
export const removeJobRoute = createRoute({
  method: 'delete',
  path: '/api/v1/jobs/{id}',
  summary: 'Remove a job; its stream ends',
  tags: ['jobs'],
  request: { params: z.object({ id: z.string().regex(jobIdPattern).describe('`app:name` of the stream.') }) },
  responses: {
    204: { description: 'It is removed.' },
    ...malformed,
    404: problem('No such job.'),
    503: problem('The registry does not answer.'),
  },
});
