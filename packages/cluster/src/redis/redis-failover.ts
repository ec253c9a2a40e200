// What controllers ask of the registry, as scripts; `RedisStreamRegistry` hands it on.
import type {
  EndOrphanRequest,
  ExpelRequest,
  FailoverRegistry,
  FencedOutcome,
  NodeSighting,
  StandbyRequest,
} from '../failover-registry.ts';
import { decodeNode, encodeStandby } from './record-codec.ts';
import type { RegistryScriptName } from './script-caller.ts';
import { textOf, textsOf, type ScriptReply } from './script-reply.ts';

/** Runs a script of the registry. */
export type RunScript = (script: RegistryScriptName, args: readonly string[]) => Promise<ScriptReply>;

const outcomes: Readonly<Record<number, FencedOutcome>> = {
  [1]: 'applied',
  [0]: 'unchanged',
  [-4]: 'fenced',
  [-5]: 'conflict',
};

/** What a fenced script's code means; throws when it means nothing. */
export function outcomeOf(script: RegistryScriptName, code: number): FencedOutcome {
  const outcome = outcomes[code];
  if (outcome === undefined) throw new Error(`script ${script} answered with code ${code}`);
  return outcome;
}

/** `FailoverRegistry` in Redis. */
export class RedisFailover implements FailoverRegistry {
  readonly #run: RunScript;

  constructor(run: RunScript) {
    this.#run = run;
  }

  async fence(token: number): Promise<boolean> {
    return (await this.#run('fence', [String(token)])).code === 1;
  }

  async sightings(): Promise<readonly NodeSighting[]> {
    const { values } = await this.#run('sightings', []);
    const texts = textsOf(values[0]);
    const sightings: NodeSighting[] = [];
    for (let index = 0; index + 2 < texts.length; index += 3) {
      const node = decodeNode(textOf(texts[index]), textOf(texts[index + 1]));
      if (node !== undefined) sightings.push({ node, silentMs: Number(texts[index + 2]) });
    }
    return sightings;
  }

  async expel({ token, node, silentMs }: ExpelRequest): Promise<FencedOutcome> {
    return await this.#write('expel', [String(token), node.nodeId, node.incarnation, String(silentMs)]);
  }

  async setStandby({ token, stream, epoch, standby }: StandbyRequest): Promise<FencedOutcome> {
    return await this.#write('set-standby', [String(token), stream, String(epoch), encodeStandby(standby)]);
  }

  async endOrphan({ token, stream, epoch }: EndOrphanRequest): Promise<FencedOutcome> {
    return await this.#write('end-orphan', [String(token), stream, String(epoch)]);
  }

  async #write(script: RegistryScriptName, args: readonly string[]): Promise<FencedOutcome> {
    return outcomeOf(script, (await this.#run(script, args)).code);
  }
}
