import { AppError, type CloseReason } from '@headwater/contracts';
import type { Sink } from '@headwater/media';
import {
  decodePullItem,
  type OpenedInfo,
  type ProbeResult,
  type Pull,
  type PullCall,
  type PulledState,
  type PullHandler,
  type PullRequest,
  type RelaySource,
} from '@headwater/relay';

/**
 * A relay within one process: pulls go straight to the feed under an address. Addresses can be `cut` (nobody is there) or
 * `frozen` (nothing is said any more, connections stay).
 */
export class LoopRelay {
  readonly #sources = new Map<string, RelaySource>();
  readonly #calls = new Set<LoopCall>();
  readonly #state = new Map<string, 'cut' | 'frozen'>();
  /** Every request, in order. */
  readonly requests: Omit<PullRequest, 'nodeId'>[] = [];

  serve(address: string, source: RelaySource): void {
    this.#sources.set(address, source);
  }

  /** Changes how an address answers. */
  set(address: string, state: 'up' | 'cut' | 'frozen'): void {
    if (state === 'up') this.#state.delete(address);
    else this.#state.set(address, state);
    if (state !== 'cut') return;
    for (const call of [...this.#calls]) if (call.address === address) call.break();
  }

  /** As a client that was closed: nothing can be pulled any more. */
  isClosed = false;

  pull(address: string, request: Omit<PullRequest, 'nodeId'>, handler: PullHandler): Pull {
    if (this.isClosed) throw new AppError('internal', { details: { what: 'relay client is closed' } });
    this.requests.push(request);
    const isMute = (): boolean => this.#state.get(address) === 'frozen';
    const call = new LoopCall({ address, request: { ...request, nodeId: 'puller' }, handler, isMute });
    this.#calls.add(call);
    call.onClosed(() => this.#calls.delete(call));
    // No handler hears anything before `pull` has returned.
    queueMicrotask(() => {
      const source = this.#sources.get(address);
      if (this.#state.get(address) === 'cut' || source === undefined) call.break();
      else if (!isMute() && !call.isClosed) source.open(call);
    });
    return {
      close: () => {
        call.close();
      },
    };
  }

  async probe(address: string): Promise<ProbeResult> {
    await Promise.resolve();
    if (!this.#state.has(address)) return { nodeId: address, incarnation: 'run', isDraining: false };
    throw new AppError('upstream_unavailable', { details: { address } });
  }
}

interface LoopCallOptions {
  readonly address: string;
  readonly request: PullRequest;
  readonly handler: PullHandler;
  readonly isMute: () => boolean;
}

class LoopCall implements PullCall {
  readonly address: string;
  readonly request: PullRequest;
  readonly peer = '192.0.2.9:1';
  readonly sink: Sink;
  readonly #handler: PullHandler;
  readonly #isMute: () => boolean;
  readonly #closed: (() => void)[] = [];
  #isClosed = false;

  constructor({ address, request, handler, isMute }: LoopCallOptions) {
    this.address = address;
    this.request = request;
    this.#handler = handler;
    this.#isMute = isMute;
    this.sink = {
      pendingBytes: 0,
      write: (bytes) => {
        this.#tell(() => {
          const item = decodePullItem(bytes);
          if (item?.type === 'frames') handler.frames(item.frames);
        });
      },
    };
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  opened(info: OpenedInfo): void {
    this.#tell(() => {
      this.#handler.opened(info);
    });
  }

  state(state: PulledState): void {
    this.#tell(() => {
      this.#handler.state(state);
    });
  }

  ended(reason: CloseReason): void {
    this.#tell(() => {
      this.close();
      this.#handler.ended(reason);
    });
  }

  refuse(error: AppError): void {
    this.#tell(() => {
      this.close();
      this.#handler.failed(error);
    });
  }

  onClosed(run: () => void): void {
    if (this.#isClosed) run();
    else this.#closed.push(run);
  }

  /** The connection breaks. */
  break(): void {
    if (this.#isClosed) return;
    this.close();
    this.#handler.failed(new AppError('upstream_unavailable', { details: { address: this.address } }));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const run of this.#closed.splice(0)) run();
  }

  #tell(say: () => void): void {
    if (!this.#isClosed && !this.#isMute()) say();
  }
}
