// Asks a node's admin API.
import { problemSchema } from '@headwater/contracts';
import type { z } from 'zod';
import { exitCode } from '../exit-code.ts';
import { CliError } from './failure.ts';

const timeoutMs = 5000;

/** The admin API at one address. */
export class AdminClient {
  readonly #base: URL;

  /** Takes a URL or `host:port`. */
  constructor(address: string) {
    const url = /^https?:\/\//.test(address) ? address : `http://${address}`;
    if (!URL.canParse(url)) throw usageError(address);
    this.#base = new URL(url);
  }

  /** One answer. Throws `CliError` when the node cannot be reached or refuses. */
  async get<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
    return this.#parsed(path, schema, { method: 'GET' });
  }

  /** Has the node do something, with what is given as JSON; throws as `get` does. */
  async post<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    given?: object,
  ): Promise<z.output<Schema>> {
    const headers = { 'content-type': 'application/json' };
    const body = given === undefined ? {} : { headers, body: JSON.stringify(given) };
    return this.#parsed(path, schema, { method: 'POST', ...body });
  }

  /** Has the node remove something; throws as `get` does. */
  async delete(path: string): Promise<void> {
    await this.#ask(path, { method: 'DELETE' });
  }

  async #parsed<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    init: RequestInit,
  ): Promise<z.output<Schema>> {
    const { url, body } = await this.#ask(path, init);
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw new CliError(exitCode.fault, `${url} is not the admin API of a Headwater node`);
  }

  async #ask(path: string, init: RequestInit): Promise<{ readonly url: string; readonly body: unknown }> {
    const url = new URL(path, this.#base);
    const response = await this.#fetch(url, init);
    const body: unknown = await response.json().catch(() => undefined);
    if (response.ok) return { url: url.href, body };
    const problem = problemSchema.safeParse(body);
    const detail = problem.success ? (problem.data.detail ?? problem.data.title) : response.statusText;
    throw new CliError(exitCode.fault, `${url.href} answered ${response.status}: ${detail}`);
  }

  async #fetch(url: URL, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    } catch (error) {
      const { cause } = error as Error;
      const reason =
        cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : String(error);
      throw new CliError(
        exitCode.unavailable,
        `cannot reach ${this.#base.origin} (${reason ?? 'no answer'}): is the node running? Name its admin address with --admin`,
      );
    }
  }
}

function usageError(address: string): CliError {
  return new CliError(exitCode.usage, `--admin ${address}: expected a URL or host:port`);
}
