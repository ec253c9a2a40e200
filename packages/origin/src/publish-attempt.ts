import type { AppError, SessionProtocol } from '@headwater/contracts';
import type { PublishControl, PublishReceiver } from '@headwater/rtmp';

/**
 * A publisher before it is accepted, whatever protocol it speaks: the RTMP session's `PublishRequest` fits, an HTTP push
 * will. Exactly one of `accept` and `refuse` has an effect.
 */
export interface PublishAttempt {
  readonly app: string;
  readonly name: string;
  readonly params: ReadonlyMap<string, string>;
  readonly isCancelled: boolean;
  accept(receiver: PublishReceiver): PublishControl;
  refuse(error: AppError): void;
}

/** Where an attempt comes from. */
export interface PublishContext {
  readonly sessionId: string;
  readonly protocol: SessionProtocol;
  readonly remoteAddress: string;
  /**
   * Set for publishers that the node itself puts forward, as pulled sources: the access policy is not asked about them,
   * and the stream carries this credential.
   */
  readonly ownCredential?: string;
}
