import { Client, credentials, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import type { PullRequest } from '../generated/relay.ts';
import { rawPull } from '../relay-service.ts';

/** A puller below `RelayClient`: it may send any request, and it does not read unless told to. */
export class RawPuller {
  readonly #client: Client;
  readonly #call: ClientReadableStream<Buffer>;
  #error: ServiceError | undefined;

  constructor(address: string, request: Partial<PullRequest> = {}) {
    this.#client = new Client(address, credentials.createInsecure(), { 'grpc.enable_http_proxy': 0 });
    const message = { stream: 'live/cam1', nodeId: 'raw', reach: 0 as const, ...request };
    const { path, requestSerialize, responseDeserialize } = rawPull;
    this.#call = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {
      ...message,
      minEpoch: request.minEpoch,
      resumeEpoch: request.resumeEpoch,
      resumeSequence: request.resumeSequence,
    });
    this.#call.on('error', (error: ServiceError) => {
      this.#error = error;
    });
    // grpc-js buffers without bound until the first read; a reader that pauses is one that flow control reaches.
    this.#call.on('data', () => undefined);
    this.#call.pause();
  }

  /** The status that ended the call, once it has. */
  get error(): ServiceError | undefined {
    return this.#error;
  }

  /** Begins to read and drops what comes. */
  resume(): void {
    this.#call.resume();
  }

  close(): void {
    this.#call.cancel();
    this.#client.close();
  }
}
