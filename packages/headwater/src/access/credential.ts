import { createHash } from 'node:crypto';
import type { AccessRequest } from '@headwater/contracts';

/** Names the party behind a request by the digest of its token; undefined when it gave none. */
export function credentialOf(request: AccessRequest): string | undefined {
  const token = request.params.get('token');
  return token === undefined || token === '' ? undefined : digestOf(token).toString('hex');
}

/** SHA-256, so that what is compared and stored has one length and is not the secret. */
export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest();
}
