// Which web pages may play from here: CORS for HTTP, the Origin header for WebSocket, which CORS does not cover.

/** Origins such as `https://example.org`; `*` stands for all. */
export class CrossOriginRule {
  readonly #origins: ReadonlySet<string>;

  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** Programs that are no browsers send no origin, and may play; so may pages that `host` itself serves. */
  isAllowed(origin: string | undefined, host?: string): boolean {
    if (origin === undefined || this.#origins.has('*') || this.#origins.has(origin)) return true;
    return host !== undefined && origin.replace(/^https?:\/\//, '') === host;
  }

  /** The headers that let a page of that origin read an answer; none when it may not. */
  headers(origin: string | undefined): Readonly<Record<string, string>> {
    if (this.#origins.has('*')) return { 'Access-Control-Allow-Origin': '*' };
    const vary = { Vary: 'Origin' };
    if (origin === undefined || !this.#origins.has(origin)) return vary;
    return { ...vary, 'Access-Control-Allow-Origin': origin };
  }

  /** The headers that answer a preflight request. */
  preflightHeaders(origin: string | undefined): Readonly<Record<string, string>> {
    return {
      ...this.headers(origin),
      'Access-Control-Allow-Methods': 'GET, HEAD, OPTIONS',
      'Access-Control-Allow-Headers': '*',
      'Access-Control-Max-Age': '86400',
    };
  }
}
