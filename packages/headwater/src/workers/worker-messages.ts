// What the node and its workers say to each other. Everything goes over the channel that Node gives a child process, as
// structured clones; nobody else can write to it.
import type { ErrorCode, ErrorDetails, SessionProtocol, SessionView, StreamView } from '@headwater/contracts';
import type { NodeRef } from '@headwater/cluster';
import type { Overload } from '@headwater/edge';
import type { OriginState } from '../origins/origin-messages.ts';
import type { ExitCode } from '../exit-code.ts';
import type { MetricValues } from '../prometheus-metrics.ts';
import type { RouteAnswer, RouteRequest } from '../routing/route-answers.ts';
import type { WorkerConfig } from './worker-config.ts';

/** The ports whose connections workers serve. */
export type WorkerPort = 'rtmp' | 'http';

/** All that a worker knows of its node. */
export interface WorkerSetup {
  /** Counted from 1; a replacement has the number of the one it stands in for. */
  readonly worker: number;
  readonly config: WorkerConfig;
  readonly node: NodeRef;
  /** Whether the node is a router, too. */
  readonly isRouter: boolean;
  /** Where the node serves it as its agent, as `RelayClient.pull` takes it. */
  readonly relayAddress: string;
  /** Socket at which the node takes publishers from its workers. */
  readonly rtmpPath: string;
  /** A folder of the node's own, for sockets. */
  readonly folder: string;
}

/** Viewers of one stream. */
export interface AudienceShare {
  readonly stream: string;
  readonly protocol: SessionProtocol;
  readonly viewers: number;
  readonly bytesOut: number;
}

/** What the node asks workers: argument and answer. */
export interface WorkerQuestions {
  readonly sessions: { readonly argument: undefined; readonly answer: readonly SessionView[] };
  readonly audience: { readonly argument: undefined; readonly answer: readonly AudienceShare[] };
  readonly metrics: { readonly argument: undefined; readonly answer: MetricValues };
  readonly kick: { readonly argument: string; readonly answer: boolean };
}

/** What a worker of any kind asks the node. */
export interface NamingQuestions {
  /** Whether the client that a proxy has named may come in. */
  readonly named: {
    readonly argument: { readonly connection: number; readonly clientAddress: string };
    readonly answer: boolean;
  };
}

/** What workers that serve viewers ask the node: argument and answer. */
export interface NodeQuestions extends NamingQuestions {
  /** May a newcomer have the seat with that number? Rejects with `limit_reached`. */
  readonly seat: { readonly argument: number; readonly answer: undefined };
  readonly hasLive: { readonly argument: string; readonly answer: boolean };
  readonly streams: { readonly argument: undefined; readonly answer: readonly StreamView[] };
  /** Asked only where the node is a router, too. */
  readonly route: { readonly argument: RouteRequest; readonly answer: RouteAnswer };
}

/** Why a worker could not start, as the program says it when it ends for that. */
export interface StartFailure {
  readonly exitCode: ExitCode;
  readonly text: string;
}

/** A question; its answer has the same id. */
export interface Question {
  readonly type: 'question';
  readonly id: number;
  readonly what: string;
  readonly argument: unknown;
}

/** An answer, or why there is none. */
export interface Answer {
  readonly type: 'answer';
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly code: ErrorCode; readonly details: ErrorDetails };
}

/** From the node to a worker. A connection comes with its socket. */
export type NodeMessage =
  /** What is in it depends on the worker's program. */
  | { readonly type: 'setup'; readonly setup: unknown }
  | {
      readonly type: 'connection';
      readonly id: number;
      readonly port: WorkerPort;
      /** It begins with a PROXY header. */
      readonly isProxied: boolean;
    }
  | { readonly type: 'drain'; readonly deadlineMs: number }
  | { readonly type: 'end-viewers' }
  | { readonly type: 'stop'; readonly deadlineMs: number }
  /** Publishers of the other origins of the node. */
  | { readonly type: 'publishers-elsewhere'; readonly publishers: number }
  | Question
  | Answer;

/** From a worker to the node. */
export type WorkerMessage =
  | { readonly type: 'ready' }
  /** It could not start, and ends. */
  | ({ readonly type: 'failed' } & StartFailure)
  /** The connection has arrived: the next one may come. */
  | { readonly type: 'taken'; readonly id: number }
  | { readonly type: 'closed'; readonly id: number }
  /** Also for a seat that was asked for in vain, or given too late. */
  | { readonly type: 'seat-left'; readonly seat: number }
  /** Totals since the worker's start, and whether it has room for newcomers. */
  | {
      readonly type: 'figures';
      readonly bytesWritten: number;
      readonly cpuMicros: number;
      readonly overload: Overload | undefined;
    }
  /** How an origin is: twice a second, and when its publishers have become more or fewer. */
  | { readonly type: 'state'; readonly state: OriginState }
  | Question
  | Answer;
