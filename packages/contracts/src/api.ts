// The admin API's answers. The program serves them, the page and the command line read them, and OpenAPI is generated
// from them. Times are ISO 8601 in UTC; sizes are bytes; rates are bits per second.
import * as z from 'zod';

const count = z.int().min(0);
const time = z.iso.datetime();

/** The protocols viewers and publishers speak; `rtsp` is that of sources that are pulled. */
export const sessionProtocolSchema = z.enum(['rtmp', 'rtmps', 'rtsp', 'http-flv', 'ws-flv']);

/** Who publishes a stream to this node. */
export const publisherViewSchema = z
  .object({
    address: z.string().describe('Remote address.'),
    protocol: sessionProtocolSchema,
    bitsPerSecond: z.number().min(0).describe('Incoming rate over the last seconds.'),
  })
  .meta({ id: 'Publisher' });

/** A stream as this node sees it. */
export const streamViewSchema = z
  .object({
    key: z.string().describe('`app/name`.'),
    state: z
      .enum(['live', 'interrupted', 'waiting'])
      .describe(
        '`live`: frames arrive. `interrupted`: viewers are held until a publisher returns. `waiting`: viewers wait for a first publisher.',
      ),
    epoch: count.optional().describe('Fencing number of the ownership; absent while no owner is known.'),
    owner: z.string().optional().describe('Id of the node that owns the stream.'),
    standby: z
      .string()
      .optional()
      .describe('Id of the node that follows the stream beside its owner; told by these two only.'),
    hasBackup: z
      .literal(true)
      .optional()
      .describe('A second publisher stands ready; told by the owner and the node that has it only.'),
    codecs: z.array(z.string()).describe('e.g. `avc1`, `mp4a`.'),
    since: time.describe('When this epoch began on this node.'),
    publisher: publisherViewSchema.optional().describe('Absent where this node only pulls the stream.'),
    viewers: z
      .partialRecord(sessionProtocolSchema, count)
      .describe('Viewers on this node by protocol; none left out or 0.'),
    framesIn: count,
    bytesIn: count,
    bytesOut: count,
  })
  .meta({ id: 'Stream' });

/** A connected publisher or viewer of this node. */
export const sessionViewSchema = z
  .object({
    id: z.string(),
    role: z.enum(['publisher', 'viewer']),
    protocol: sessionProtocolSchema,
    stream: z.string().describe('`app/name`.'),
    remoteAddress: z.string(),
    since: time,
    bytes: count.describe('Received from a publisher, sent to a viewer.'),
    droppedFrames: count.describe('Frames a viewer was too slow for.'),
    lagMs: z.number().min(0).describe('How far a viewer is behind.'),
  })
  .meta({ id: 'Session' });

/** A node of the cluster. */
export const nodeViewSchema = z
  .object({
    id: z.string(),
    incarnation: z.string().describe('One run of the process.'),
    roles: z.array(z.enum(['origin', 'edge', 'controller', 'router'])),
    zone: z.string(),
    region: z.string(),
    coordinates: z
      .object({ latitude: z.number(), longitude: z.number() })
      .optional()
      .describe('In degrees; absent where nobody said.'),
    addresses: z
      .object({ rtmp: z.string(), http: z.string(), admin: z.string(), relay: z.string() })
      .partial()
      .describe('`host:port` of what the node serves.'),
    publicUrls: z
      .object({ http: z.string(), rtmp: z.string() })
      .partial()
      .optional()
      .describe('Under which viewers reach the node, where these are others than its addresses.'),
    capacity: z
      .object({ viewers: count, egressBitsPerSecond: z.number().min(0).describe('0 is no limit.') })
      .optional()
      .describe('What an edge may serve at once.'),
    isDraining: z.boolean(),
    load: z.object({
      cpu: z.number().min(0).describe('Share of one core.'),
      publishers: count,
      viewers: count,
      egressBitsPerSecond: z.number().min(0),
      overload: z
        .string()
        .optional()
        .describe('The limit for which the node turns newcomers away; absent while it takes them.'),
    }),
    distanceMs: z
      .number()
      .min(0)
      .optional()
      .describe('Estimated round trip from the answering node; absent where it is not known.'),
  })
  .meta({ id: 'Node' });

const doubts = z
  .array(z.string())
  .optional()
  .describe('What the node cannot know at the moment although it is ready; absent when there is nothing.');

/** The node that answers. */
export const statusViewSchema = z
  .object({
    nodeId: z.string(),
    incarnation: z.string(),
    version: z.string(),
    roles: z.array(z.enum(['origin', 'edge', 'controller', 'router'])),
    origins: z
      .array(z.object({ nodeId: z.string(), incarnation: z.string() }))
      .optional()
      .describe(
        'The nodes that it is to the cluster, where it is made of several origins; absent otherwise.',
      ),
    startedAt: time,
    isReady: z.boolean(),
    reasons: z.array(z.string()).describe('Why it is not ready.'),
    doubts,
    streams: count,
    publishers: count,
    viewers: count,
  })
  .meta({ id: 'Status' });

/** Whether the node can take publishers and viewers. */
export const readinessSchema = z
  .object({
    isReady: z.boolean(),
    reasons: z.array(z.string()).describe('Empty when ready.'),
    doubts,
  })
  .meta({ id: 'Readiness' });

/** A failure, RFC 9457 (`application/problem+json`). */
export const problemSchema = z
  .object({
    type: z.string().describe('`urn:headwater:error:CODE`, or `about:blank` where the status says it all.'),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    isRetryable: z.boolean().describe('True when the same request may succeed later.'),
  })
  .meta({ id: 'Problem' });

/** One page of streams. */
export const streamPageSchema = page(streamViewSchema).meta({ id: 'StreamPage' });

/** One page of sessions. */
export const sessionPageSchema = page(sessionViewSchema).meta({ id: 'SessionPage' });

/** All nodes. */
export const nodeListSchema = z
  .object({
    items: z.array(nodeViewSchema),
    isStale: z
      .boolean()
      .describe('True while the list may be out of date: its source is away, or not yet complete again.'),
  })
  .meta({ id: 'NodeList' });

/** What anybody may know about a live stream: the list on the viewers' port. */
export const publicStreamListSchema = z.object({
  streams: z.array(
    z.object({
      app: z.string(),
      name: z.string(),
      since: time,
      viewers: count,
      codecs: z.array(z.string()),
    }),
  ),
});

/** A publisher as the API shows it. */
export type PublisherView = z.output<typeof publisherViewSchema>;
/** A stream as the API shows it. */
export type StreamView = z.output<typeof streamViewSchema>;
/** A session as the API shows it. */
export type SessionView = z.output<typeof sessionViewSchema>;
/** A node as the API shows it. */
export type ClusterNodeView = z.output<typeof nodeViewSchema>;
/** All nodes as the API shows them. */
export type NodeListView = z.output<typeof nodeListSchema>;
/** The answering node as the API shows it. */
export type StatusView = z.output<typeof statusViewSchema>;
/** Whether and why not a node is ready. */
export type Readiness = z.output<typeof readinessSchema>;
/** A failure as the API shows it. */
export type Problem = z.output<typeof problemSchema>;
/** The list of live streams for everybody. */
export type PublicStreamList = z.output<typeof publicStreamListSchema>;

function page<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    nextCursor: z
      .string()
      .optional()
      .describe('Give it as `cursor` for the next page; absent on the last one.'),
  });
}
