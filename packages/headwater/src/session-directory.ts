// Who is connected to this node. Listeners register each publisher and viewer once it is accepted; the admin API lists
// and closes them here.
import type { CloseReason, SessionProtocol, SessionView, StreamKey } from '@headwater/contracts';

/** The counters of a session, read when somebody asks. */
export interface SessionCounters {
  readonly bytes: number;
  readonly droppedFrames: number;
  readonly lagMs: number;
}

/** An accepted publisher or viewer. */
export interface LiveSession {
  /** Unique in the process, e.g. a UUID; the same as in the log. */
  readonly id: string;
  readonly role: 'publisher' | 'viewer';
  readonly protocol: SessionProtocol;
  readonly stream: StreamKey;
  readonly remoteAddress: string;
  /** Unix ms. */
  readonly sinceMs: number;
  counters(): SessionCounters;
  /** Ends the session politely; the owner then closes its registration. */
  close(reason: CloseReason): void;
}

/** A session's place in the directory; closing twice does nothing. */
export interface SessionRegistration {
  close(): void;
}

/** The live sessions of a node. */
export class SessionDirectory {
  readonly #sessions = new Map<string, LiveSession>();
  readonly #counts = { publisher: 0, viewer: 0 };

  /** Adds a session. Throws when the id is taken: two sessions under one id is a fault of ours. */
  register(session: LiveSession): SessionRegistration {
    if (this.#sessions.has(session.id)) throw new Error(`session ${session.id} is registered already`);
    this.#sessions.set(session.id, session);
    this.#counts[session.role] += 1;
    return { close: () => this.#remove(session) };
  }

  get publishers(): number {
    return this.#counts.publisher;
  }

  get viewers(): number {
    return this.#counts.viewer;
  }

  /** A snapshot, in the order of registration. */
  views(): SessionView[] {
    return Array.from(this.#sessions.values(), viewOf);
  }

  /** Closes a session on an operator's request; false when there is none with the id. */
  kick(id: string): boolean {
    const session = this.#sessions.get(id);
    session?.close('kicked');
    return session !== undefined;
  }

  /** Closes all sessions, those of a role, or those of a stream. They leave the directory as they end. */
  closeAll(reason: CloseReason, only: { role?: LiveSession['role']; stream?: StreamKey } = {}): void {
    for (const session of [...this.#sessions.values()]) {
      if (only.role !== undefined && session.role !== only.role) continue;
      if (only.stream !== undefined && session.stream !== only.stream) continue;
      session.close(reason);
    }
  }

  #remove(session: LiveSession): void {
    if (this.#sessions.get(session.id) !== session) return;
    this.#sessions.delete(session.id);
    this.#counts[session.role] -= 1;
  }
}

function viewOf(session: LiveSession): SessionView {
  const { id, role, protocol, stream, remoteAddress, sinceMs } = session;
  const { bytes, droppedFrames, lagMs } = session.counters();
  const since = new Date(sinceMs).toISOString();
  return { id, role, protocol, stream, remoteAddress, since, bytes, droppedFrames, lagMs };
}
