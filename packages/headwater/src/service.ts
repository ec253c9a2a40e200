/**
 * Something that runs from start to stop. `stop` ends politely what it can within `deadlineMs`, cuts the rest, and
 * resolves; it is called once, and only after `start` resolved. A service with a port is named after its section of the
 * configuration (`rtmp`, `http`, `admin`, `relay`), which is how a port in use is explained.
 */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(deadlineMs: number): Promise<void>;
}

/** A service could not start; `cause` says why. */
export class ServiceStartError extends Error {
  readonly service: string;

  constructor(service: string, cause: unknown) {
    super(`${service} could not start`, { cause });
    this.name = 'ServiceStartError';
    this.service = service;
  }
}
