// What two nodes of the cluster say to each other when one forwards a publisher to the other: RTMP's status codes are too
// few to tell a refusal that is final from one that holds for this node only. Who claims to be a forwarder and is none
// gets answers with more detail, and nothing else.
import {
  errorCatalogue,
  isCloseReason,
  type AppError,
  type CloseReason,
  type ErrorCode,
} from '@headwater/contracts';
import { amfString, type AmfObject, type AmfValue } from './amf-value.ts';

const forwarderProperty = 'headwaterForwards';
const codeProperty = 'headwaterCode';
const addressProperty = 'headwaterClient';
const sessionProperty = 'headwaterSession';
const ownerProperty = 'headwaterOwner';
const reasonProperty = 'headwaterReason';
const maxOwnerLength = 256;

/** A forwarder's call: its publisher was asked to come back through another node. */
export const letGoCall = 'headwaterLetGo';

/** Whom a forwarder speaks for. */
export interface ForwardedClient {
  readonly address: string;
  readonly sessionId: string;
}

/** What a forwarder adds to its `connect`; `client` is for a node that has reason to believe it. */
export function forwarderProperties(client: ForwardedClient | undefined): [string, AmfValue][] {
  const mark: [string, AmfValue] = [forwarderProperty, true];
  if (client === undefined) return [mark];
  return [mark, [addressProperty, client.address], [sessionProperty, client.sessionId]];
}

/** Whom a `connect` claims to speak for; undefined where it says nothing of the kind. */
export function readForwardedClient(properties: AmfObject | undefined): ForwardedClient | undefined {
  const address = amfString(properties, addressProperty).slice(0, maxOwnerLength);
  const sessionId = amfString(properties, sessionProperty).slice(0, maxOwnerLength);
  return sessionId === '' ? undefined : { address, sessionId };
}

/** True when a `connect` is a forwarder's. */
export function isForwarder(properties: AmfObject | undefined): boolean {
  return properties?.get(forwarderProperty) === true;
}

/** What the status of a refusal says to a forwarder besides. */
export function refusalDetails({ code, details }: AppError): Readonly<Record<string, AmfValue>> {
  const { owner } = details;
  return { [codeProperty]: code, ...(typeof owner === 'string' ? { [ownerProperty]: owner } : {}) };
}

/** What the status of an end says to a forwarder besides. */
export function endDetails(reason: CloseReason): Readonly<Record<string, AmfValue>> {
  return { [reasonProperty]: reason };
}

/** What a status says to a forwarder; nothing where it comes from another program. */
export function readForwarded(info: AmfObject | undefined): {
  readonly code?: ErrorCode;
  readonly owner?: string;
  readonly reason?: CloseReason;
} {
  const code = amfString(info, codeProperty);
  const owner = amfString(info, ownerProperty);
  const reason = amfString(info, reasonProperty);
  return {
    ...(Object.hasOwn(errorCatalogue, code) ? { code: code as ErrorCode } : {}),
    ...(owner === '' || owner.length > maxOwnerLength ? {} : { owner }),
    ...(isCloseReason(reason) ? { reason } : {}),
  };
}
