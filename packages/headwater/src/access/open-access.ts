import type { AccessPolicy } from '@headwater/contracts';
import { credentialOf } from './credential.ts';

/** Lets everybody publish and play. A publisher that gives a token can take its own stream over with it. */
export const openAccess: AccessPolicy = {
  decide: (request) => {
    const credential = credentialOf(request);
    return Promise.resolve(credential === undefined ? { allowed: true } : { allowed: true, credential });
  },
};
