// Where a router sends a viewer: what players are told at `/route/…`, and what operators are told by the admin API.
import * as z from 'zod';

const count = z.int().min(0);

/** How a viewer wants to watch. */
export const routeProtocolSchema = z.enum(['flv', 'ws-flv', 'hls', 'rtmp']);

const destination = {
  url: z.string().describe('Where to play the stream.'),
  node: z.string().describe('Id of the edge.'),
  zone: z.string(),
  region: z.string(),
};

/** The edge for a viewer. */
export const routeViewSchema = z
  .object({
    ...destination,
    reason: z.string().describe('Why this edge, in a sentence.'),
    alternatives: z
      .array(z.object(destination))
      .describe('Where to try next when the edge does not answer, the best first.'),
  })
  .meta({ id: 'Route' });

/** An edge that was looked at. */
export const routeCandidateSchema = z
  .object({
    node: z.string(),
    zone: z.string(),
    region: z.string(),
    tier: count.describe('0: as near as there is. Tiers are asked in their order.'),
    nearness: z
      .enum(['zone', 'region', 'distance'])
      .describe(
        "`zone`: the viewer's. `region`: another zone of the viewer's region. `distance`: another region.",
      ),
    distanceMs: z
      .number()
      .min(0)
      .optional()
      .describe(
        'Round trip from the zone of the viewer, measured or by the map; absent where neither is known.',
      ),
    viewers: z.number().min(0).describe('As reported, and sent there since.'),
    capacity: count.describe('Viewers that the edge may have.'),
    verdict: z.enum([
      ...['chosen', 'ranks_lower', 'farther', 'above_share', 'full', 'draining', 'overloaded', 'not_served'],
    ] as const),
    why: z.string(),
  })
  .meta({ id: 'RouteCandidate' });

/** A choice with everything that it looked at. */
export const routeExplanationSchema = z
  .object({
    stream: z.string().describe('`app/name`.'),
    protocol: routeProtocolSchema,
    viewer: z.object({
      address: z.string(),
      source: z
        .enum(['network', 'database', 'router'])
        .describe(
          'What said where the viewer is: `router.networks`, `router.geoDatabase`, or nothing: it is where the router is.',
        ),
      zone: z.string().describe('The zone that the viewer counts as.'),
      region: z.string().optional(),
      coordinates: z.object({ latitude: z.number(), longitude: z.number() }).optional(),
    }),
    chosen: z.object(destination).optional().describe('Absent where no edge takes the viewer.'),
    reason: z.string(),
    candidates: z
      .array(routeCandidateSchema)
      .describe('The first of them, in the order in which they are asked.'),
    edges: count.describe('How many edges there are in all.'),
  })
  .meta({ id: 'RouteExplanation' });

/** How a viewer wants to watch. */
export type RouteProtocol = z.output<typeof routeProtocolSchema>;
/** The edge for a viewer, as `/route/…` says it. */
export type RouteView = z.output<typeof routeViewSchema>;
/** A choice with its reasons, as the admin API says it. */
export type RouteExplanationView = z.output<typeof routeExplanationSchema>;
