import type { NodeListView, SessionView, StreamView } from '@headwater/contracts';
import type { JobDesk } from './job-desk.ts';

/** What the admin API and the list of live streams know of the node. Snapshots: nothing in them changes later. */
export interface NodeView {
  readonly jobs: JobDesk;
  streams(): readonly StreamView[];
  sessions(): readonly SessionView[];
  /** The nodes of the cluster as this one knows them. */
  nodes(): Promise<NodeListView>;
  /** Closes a session on an operator's request; false when there is none with the id. */
  kick(sessionId: string): boolean;
  /** Why publishers and viewers should not be sent here; empty when they should. */
  notReadyReasons(): readonly string[];
  /** What the node cannot know at the moment, in sentences; it is ready all the same. */
  doubts(): readonly string[];
}
