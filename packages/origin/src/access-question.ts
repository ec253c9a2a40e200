import { AppError, type AccessPolicy, type Clock, type StreamKey } from '@headwater/contracts';
import type { PublishAttempt, PublishContext } from './publish-attempt.ts';
import { within } from './within.ts';

// Policies have limits of their own; this one holds for those that have none.
const answerMs = 6_000;

/** Asks whether the publisher may publish; its credential when it may. Rejects with the refusal. */
export async function askAccess(
  { access, clock }: { readonly access: AccessPolicy; readonly clock: Clock },
  stream: StreamKey,
  attempt: PublishAttempt,
  { protocol, remoteAddress, ownCredential }: PublishContext,
): Promise<string | undefined> {
  if (ownCredential !== undefined) return ownCredential;
  const { params } = attempt;
  const asked = access.decide({ action: 'publish', stream, protocol, remoteAddress, params });
  const isLate = (): AppError =>
    new AppError('internal', { details: { what: 'access is not decided', limitMs: answerMs } });
  const decision = await within(clock, answerMs, asked, isLate);
  if (decision.allowed) return decision.credential;
  throw new AppError(decision.code, { details: { stream, why: decision.description } });
}
