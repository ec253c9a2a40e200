import { Client, credentials } from '@grpc/grpc-js';
import type { Clock, Timer } from '@headwater/contracts';
import type { RelayKeepalive } from './relay-keepalive.ts';

/** A channel in use by one call. */
export interface ChannelLease {
  readonly client: Client;
  /** Gives it back; `isBroken` makes the next call dial anew. Twice does nothing. */
  release(isBroken: boolean): void;
}

/** What a pool is made of. */
export interface ChannelPoolOptions {
  readonly clock: Clock;
  readonly keepalive: RelayKeepalive;
  readonly maxMessageBytes: number;
  readonly windowBytes: number;
  /** How long a channel without calls is kept. */
  readonly idleMs: number;
}

interface Channel {
  readonly address: string;
  readonly client: Client;
  calls: number;
  idleTimer: Timer | undefined;
}

/**
 * Calls that share one channel: below what a server allows on a connection, which is little, so that one connection cannot
 * hand it thousands of calls to answer in one go.
 */
export const callsPerChannel = 128;

/** One channel for each address, shared by all calls to it up to `callsPerChannel`, and closed when idle. */
export class ChannelPool {
  readonly #options: ChannelPoolOptions;
  readonly #channels = new Map<string, Channel>();
  readonly #retired = new Set<Channel>();

  constructor(options: ChannelPoolOptions) {
    this.#options = options;
  }

  /** How many channels there are, idle ones too. */
  get size(): number {
    return this.#channels.size + this.#retired.size;
  }

  acquire(address: string): ChannelLease {
    const channel = this.#roomyChannel(address) ?? this.#dial(address);
    channel.calls++;
    channel.idleTimer?.cancel();
    channel.idleTimer = undefined;
    let isReleased = false;
    return {
      client: channel.client,
      release: (isBroken) => {
        if (isReleased) return;
        isReleased = true;
        channel.calls--;
        if (isBroken) this.#retire(channel);
        if (channel.calls === 0) this.#rest(channel);
      },
    };
  }

  /** Closes every channel; calls on them fail. */
  close(): void {
    for (const channel of [...this.#channels.values(), ...this.#retired]) this.#drop(channel);
  }

  // A full channel takes no more calls, and goes when those that it has are over.
  #roomyChannel(address: string): Channel | undefined {
    const channel = this.#channels.get(address);
    if (channel === undefined || channel.calls < callsPerChannel) return channel;
    this.#retire(channel);
    return undefined;
  }

  #dial(address: string): Channel {
    const { keepalive, maxMessageBytes, windowBytes } = this.#options;
    const target = address.startsWith('unix:') ? address : `dns:${address}`;
    const client = new Client(target, credentials.createInsecure(), {
      'grpc.enable_retries': 0,
      'grpc.keepalive_time_ms': keepalive.timeMs,
      'grpc.keepalive_timeout_ms': keepalive.timeoutMs,
      'grpc.max_receive_message_length': maxMessageBytes,
      // HTTP/2 starts with 64 KiB a round trip: 5 Mbit/s at 100 ms. A stalled puller costs at most a window.
      'grpc-node.flow_control_window': windowBytes,
      // A channel that fails is dropped and the next call dials anew, so nothing is to be shared or backed off from.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
      // Nodes are dialled directly.
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_channelz': 0,
    });
    const channel: Channel = { address, client, calls: 0, idleTimer: undefined };
    this.#channels.set(address, channel);
    return channel;
  }

  #retire(channel: Channel): void {
    if (this.#channels.get(channel.address) !== channel) return;
    this.#channels.delete(channel.address);
    this.#retired.add(channel);
  }

  #rest(channel: Channel): void {
    // Retired, or dropped when the pool was closed.
    if (this.#channels.get(channel.address) !== channel) {
      this.#drop(channel);
      return;
    }
    channel.idleTimer = this.#options.clock.after(this.#options.idleMs, () => {
      this.#drop(channel);
    });
  }

  #drop(channel: Channel): void {
    channel.idleTimer?.cancel();
    if (this.#channels.get(channel.address) === channel) this.#channels.delete(channel.address);
    this.#retired.delete(channel);
    channel.client.close();
  }
}
