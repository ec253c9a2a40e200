// The service as it is registered and called. A pull's items are raw Buffers at both ends: the server writes what
// `relayFormat` encoded once for all, the client decodes without copying payloads.
import { logVerbosity, setLogVerbosity, type MethodDefinition, type ServiceDefinition } from '@grpc/grpc-js';
import { RelayService, type ProbeRequest, type ProbeResponse, type PullRequest } from './generated/relay.ts';

// grpc-js writes to the console by itself; what fails is reported to the caller, who logs it.
setLogVerbosity(logVerbosity.NONE);

const asIs = (bytes: Buffer): Buffer => bytes;

/** `Relay.Pull` with items as encoded Buffers. */
export const rawPull: MethodDefinition<PullRequest, Buffer> = {
  ...RelayService.pull,
  responseSerialize: asIs,
  responseDeserialize: asIs,
};

/** `Relay.Probe`. */
export const probe: MethodDefinition<ProbeRequest, ProbeResponse> = RelayService.probe;

/** The service definition for the server. */
export const rawRelayService: ServiceDefinition = { pull: rawPull, probe };
