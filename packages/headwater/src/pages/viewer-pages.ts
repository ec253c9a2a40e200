// What the viewers' port serves beside streams: the built-in page and the list of streams it shows.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { AccessPolicy, Logger, StreamView } from '@headwater/contracts';
import { answerPublicStreamList } from './public-stream-list.ts';
import { StaticFolder } from './static-folder.ts';

/** What the pages need. */
export interface ViewerPagesOptions {
  readonly access: AccessPolicy;
  readonly logger: Logger;
  streams(): readonly StreamView[] | Promise<readonly StreamView[]>;
  /** The CORS headers for a page of that origin. */
  crossOriginHeaders(origin: string | undefined): Readonly<Record<string, string>>;
}

/** Answers requests for the page and its list; false for every other path. */
export function viewerPages(
  options: ViewerPagesOptions,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const page = builtPage(options.logger);
  return (request, response) =>
    answerPublicStreamList(options, request, response) || (page?.answer(request, response) ?? false);
}

function builtPage(logger: Logger): StaticFolder | undefined {
  const folder = fileURLToPath(new URL('dist', import.meta.resolve('@headwater/console/package.json')));
  try {
    return new StaticFolder(folder);
  } catch (error) {
    logger.warn({ folder, err: error }, 'built-in page is not there: build it, or set http.page to false');
    return undefined;
  }
}
