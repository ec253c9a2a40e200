/** The viewers of a node, in whichever of its processes they are. An edge is one; so are all workers together. */
export interface Audience {
  readonly viewers: { readonly size: number };
  /** Media bytes written to all of them, those that are gone included. */
  readonly bytesWritten: number;
  /** Takes no new ones. */
  drain(): void;
}
