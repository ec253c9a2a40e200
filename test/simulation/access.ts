import type { AccessPolicy } from '@headwater/contracts';

/** Everybody may do anything; a publisher's token is its credential, and none is none. */
export const tokenAccess: AccessPolicy = {
  decide: ({ params }) => {
    const credential = params.get('token') ?? '';
    return Promise.resolve(credential === '' ? { allowed: true } : { allowed: true, credential });
  },
};
