import type { Logger } from '@headwater/contracts';
import type { Redis } from 'ioredis';
import type { LuaScriptName } from '../generated/lua-scripts.ts';
import { registryKeyTypes, type RegistryKeys } from './registry-keys.ts';
import type { OccasionalWarning } from './occasional-warning.ts';
import { readReply, textOf, type ScriptReply } from './script-reply.ts';

/** The scripts that work on the registry's keys. */
export type RegistryScriptName = Exclude<LuaScriptName, 'set-aside'>;

/** What every call of a script carries. */
export interface ScriptCallerOptions {
  readonly keys: RegistryKeys;
  readonly leaseMs: number;
  readonly maxEvents: number;
  readonly rememberedStreams: number;
  /** Names the log's life, should this call find none. */
  readonly newLife: () => string;
  readonly logger: Logger;
  readonly warning: OccasionalWarning;
}

const holdsSomethingElse = -1;
const keepAsideMs = 24 * 3_600_000;

/** Calls scripts on a connection. A key that holds something else is moved out of the way, and the call repeated. */
export class ScriptCaller {
  readonly #options: ScriptCallerOptions;

  constructor(options: ScriptCallerOptions) {
    this.#options = options;
  }

  /** Rejects with what the server or ioredis says. */
  async call(client: Redis, name: RegistryScriptName, args: readonly string[]): Promise<ScriptReply> {
    const { keys } = this.#options;
    for (let tries = 0; ; tries++) {
      const reply = readReply(await run(client, name, [...keys.all, ...this.#settings(), ...args]));
      if (reply.notes.length > 0) {
        this.#options.warning.warn({ ignored: reply.notes }, 'registry holds unreadable data');
      }
      if (reply.code !== holdsSomethingElse) return reply;
      if (tries === keys.all.length) throw new Error('registry keys hold something else again and again');
      await this.#setAside(client, textOf(reply.values[0]), textOf(reply.values[1]));
    }
  }

  #settings(): string[] {
    const { leaseMs, maxEvents, rememberedStreams, newLife } = this.#options;
    return [String(leaseMs), String(maxEvents), String(rememberedStreams), newLife()];
  }

  async #setAside(client: Redis, key: string, held: string): Promise<void> {
    const { keys, logger } = this.#options;
    const name = keys.nameOf(key);
    if (name === undefined) throw new Error('script named a key that is none of the registry');
    const aside = keys.asideOf(name);
    logger.error(
      { key, held, expected: registryKeyTypes[name], movedTo: aside },
      'registry key held something else',
    );
    await run(client, 'set-aside', [key, aside, registryKeyTypes[name], String(keepAsideMs)]);
  }
}

// `dial` has defined a command for each script; they are no part of ioredis's types.
async function run(client: Redis, name: LuaScriptName, args: readonly string[]): Promise<unknown> {
  const commands = client as unknown as Record<string, (...args: readonly string[]) => Promise<unknown>>;
  const command = commands[name];
  if (command === undefined) throw new Error(`script ${name} is not defined`);
  return await command.call(client, ...args);
}
