import type { Client, ServerWritableStream, ServiceError } from '@grpc/grpc-js';
import type { ClientCallEnd, ClientCallListener, ServerCallEnd } from './call-ends.ts';
import type { PullRequest } from './generated/relay.ts';
import { rawPull } from './relay-service.ts';

/** Makes a call of `Relay.Pull` over a connection. */
export function dialGrpc(client: Client, request: PullRequest, listener: ClientCallListener): ClientCallEnd {
  const { path, requestSerialize, responseDeserialize } = rawPull;
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
  call.on('data', (bytes: Buffer) => {
    listener.item(bytes);
  });
  call.on('error', (error: ServiceError) => {
    listener.failed(error);
  });
  // An error status comes as `error`, before the end of the data.
  call.on('end', () => {
    listener.ended();
  });
  return call;
}

/** What came over a connection, as the server's end of a call. */
export function grpcServerEnd(call: ServerWritableStream<PullRequest, Buffer>): ServerCallEnd {
  return {
    peer: call.getPeer(),
    write: (item, sent) => void call.write(item, sent),
    end: () => void call.end(),
    // The way grpc-js documents to end a stream with a status: it follows what was written.
    fail: (status) => void call.emit('error', status),
    onCancelled: (run) => void call.on('cancelled', run),
    onClosed: (run) => void call.once('close', run),
  };
}
