import { compileConfig, parseStreamKey, type AccessDecision, type AccessRequest } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { accessPolicyOf } from './access-policy-of.ts';
import { digestOf } from './credential.ts';

const policy = accessPolicyOf(
  compileConfig(
    {
      access: {
        kind: 'keys',
        keys: {
          live: { publish: ['app-key', 'second'], play: 'open' },
          'live/cam1': { publish: ['cam-key'] },
          'live/private': { play: ['view-key'] },
          event: { publish: 'open' },
        },
      },
    },
    { defaultNodeId: 'n' },
  ).access,
);

function request(action: AccessRequest['action'], stream: string, token?: string): AccessRequest {
  const params = new Map(token === undefined ? [] : [['token', token]]);
  return { action, stream: parseStreamKey(stream), protocol: 'rtmp', remoteAddress: '192.0.2.1', params };
}

async function answer(action: AccessRequest['action'], stream: string, token?: string): Promise<string> {
  const decision: AccessDecision = await policy.decide(request(action, stream, token));
  return decision.allowed ? 'allowed' : `${decision.code}: ${decision.description}`;
}

describe('keyAccess', () => {
  it.each<[AccessRequest['action'], string, string | undefined, string]>([
    ['publish', 'live/a', 'app-key', 'allowed'],
    ['publish', 'live/a', 'second', 'allowed'],
    ['publish', 'live/a', 'wrong', 'publish_denied: the token is not valid'],
    ['publish', 'live/a', '', 'publish_denied: a token is required'],
    ['publish', 'live/a', undefined, 'publish_denied: a token is required'],
    ['publish', 'live/cam1', 'cam-key', 'allowed'],
    ['publish', 'live/cam1', 'app-key', 'publish_denied: the token is not valid'],
    ['play', 'live/cam1', undefined, 'allowed'],
    ['play', 'live/private', undefined, 'play_denied: a token is required'],
    ['play', 'live/private', 'view-key', 'allowed'],
    ['publish', 'event/x', undefined, 'allowed'],
    ['play', 'event/x', 'any', 'play_denied: the token is not valid'],
    ['play', 'other/x', undefined, 'play_denied: a token is required'],
  ])('%s of %s with the token %j: %s', async (action, stream, token, expected) => {
    expect(await answer(action, stream, token)).toBe(expected);
  });

  it('names the publisher by the digest of its token, never by the token', async () => {
    const decision = await policy.decide(request('publish', 'live/a', 'app-key'));
    expect(decision).toEqual({ allowed: true, credential: digestOf('app-key').toString('hex') });
  });
});

describe('openAccess', () => {
  it('allows everything, with a credential only when a token was given', async () => {
    const open = accessPolicyOf({ kind: 'open', keys: {} });
    expect(await open.decide(request('publish', 'live/a'))).toEqual({ allowed: true });
    expect(await open.decide(request('play', 'live/a', 't'))).toMatchObject({
      credential: expect.any(String) as string,
    });
  });
});
