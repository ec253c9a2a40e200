import type { AccessPolicy, Config } from '@headwater/contracts';
import { keyAccess } from './key-access.ts';
import { openAccess } from './open-access.ts';

/** The policy that the configuration asks for. */
export function accessPolicyOf(access: Config['access']): AccessPolicy {
  switch (access.kind) {
    case 'open':
      return openAccess;
    case 'keys':
      return keyAccess(access.keys);
  }
}
