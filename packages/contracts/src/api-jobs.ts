// Jobs as the admin API takes and shows them. Sources are shown without their passwords.
import * as z from 'zod';
import { jobSourceExpected, maxJobSourceLength } from './pull-job.ts';

/** How a job stands on the node that does it. */
export const jobRunSchema = z
  .object({
    state: z
      .enum(['starting', 'running', 'retrying', 'stopped'])
      .describe(
        '`starting`: the source is being connected. `running`: media arrives. `retrying`: it failed, and is tried again.',
      ),
    attempts: z.int().min(0).describe('Connections begun since the job came to this node.'),
    lastError: z.string().optional(),
    sinceMs: z.number().min(0).describe('How long it has been in this state.'),
  })
  .meta({ id: 'JobRun' });

/** A job of the cluster. */
export const jobViewSchema = z
  .object({
    id: z.string().describe('`app:name` of the stream.'),
    kind: z.enum(['pull']),
    source: z.string().describe('Passwords are hidden.'),
    stream: z.string().describe('`app/name`.'),
    node: z
      .string()
      .optional()
      .describe('Id of the node that it was given to; absent until a controller chose one.'),
    run: jobRunSchema.optional().describe('Absent where another node does it: that one knows.'),
  })
  .meta({ id: 'Job' });

/** All jobs. */
export const jobListSchema = z.object({ items: z.array(jobViewSchema) }).meta({ id: 'JobList' });

/** A job that there is to be. */
export const jobRequestSchema = z
  .strictObject({
    kind: z.enum(['pull']),
    source: z.string().max(maxJobSourceLength).describe(`Where from: ${jobSourceExpected}.`),
    stream: z.string().max(257).describe('As which stream to publish it, `app/name`.'),
  })
  .meta({ id: 'JobRequest' });

/** A job as the API shows it. */
export type JobView = z.output<typeof jobViewSchema>;
