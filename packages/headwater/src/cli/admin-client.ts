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
    return this.#ask('GET', path, schema);
  }

  /** Has the node do something; throws as `get` does. */
  async post<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
    return this.#ask('POST', path, schema);
  }

  async #ask<Schema extends z.ZodType>(
    method: 'GET' | 'POST',
    path: string,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    const url = new URL(path, this.#base);
    const response = await this.#fetch(url, method);
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) {
      const problem = problemSchema.safeParse(body);
      const detail = problem.success ? (problem.data.detail ?? problem.data.title) : response.statusText;
      throw new CliError(exitCode.fault, `${url.href} answered ${response.status}: ${detail}`);
    }
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw new CliError(exitCode.fault, `${url.href} is not the admin API of a Headwater node`);
  }

  async #fetch(url: URL, method: 'GET' | 'POST'): Promise<Response> {
    try {
      return await fetch(url, { method, signal: AbortSignal.timeout(timeoutMs) });
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
