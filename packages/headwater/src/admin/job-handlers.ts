import type { OpenAPIHono } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { parseStreamKey, pullJob } from '@headwater/contracts';
import type { JobDesk } from './job-desk.ts';
import { problemOfStatus } from './problem-response.ts';
import { addJobRoute, jobsRoute, removeJobRoute } from './routes.ts';

/** Answers what is asked about jobs. */
export function addJobs(app: OpenAPIHono, desk: () => JobDesk): void {
  app.openapi(jobsRoute, async (context) => context.json({ items: [...(await desk().list())] }, 200));
  app.openapi(addJobRoute, async (context) => {
    const { source, stream } = context.req.valid('json');
    const { isNew, job } = await desk().add(pullJob(source, parseStreamKey(stream)));
    return isNew ? context.json(job, 201) : context.json(job, 200);
  });
  app.openapi(removeJobRoute, async (context) => {
    if (await desk().remove(context.req.valid('param').id)) return context.body(null, 204);
    throw new HTTPException(404, { res: problemOfStatus(404, 'there is no job with this id') });
  });
}
