import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { compileConfig } from '@headwater/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { accessPolicyOf } from '../access/access-policy-of.ts';
import { exitCode } from '../exit-code.ts';
import { Node } from '../node.ts';
import { nodeParts } from '../roles/node-parts.ts';
import { testContext } from '../testing/node-fixture.ts';
import { runCheck, type CheckOptions } from './run-check.ts';

const port = { port: 0 };
const config = compileConfig(
  {
    ...{ bind: '127.0.0.1', rtmp: port, http: port, admin: port, relay: port },
    viewer: { waitForStream: '400ms' },
    access: { kind: 'keys', keys: { live: { publish: ['open-sesame'], play: 'open' } } },
  },
  { defaultNodeId: 'checked' },
);

let node: Node;
let publish = '';
let play = '';

beforeAll(async () => {
  const context = testContext({ config, access: accessPolicyOf(config.access) });
  node = new Node(context, nodeParts(context));
  await node.start();
  const { rtmp = '', http = '' } = context.addresses.all();
  publish = `rtmp://${rtmp}/live/check?token=open-sesame`;
  play = `http://${http}/live/check.flv`;
});

afterAll(async () => {
  await node.stop(1_000);
});

let silent: Server | undefined;

/** Takes connections and says nothing. */
async function silentAddress(): Promise<string> {
  silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  return `127.0.0.1:${(silent.address() as AddressInfo).port}`;
}

afterEach(() => {
  silent?.close();
  vi.restoreAllMocks();
});

async function failureOf(over: Partial<CheckOptions>): Promise<{ exitCode: number; message: string }> {
  try {
    await runCheck({ publish, play, timeout: '20', ...over });
  } catch (caught) {
    const { exitCode: code, message } = caught as { exitCode: number; message: string };
    return { exitCode: code, message };
  }
  throw new Error('the check found nothing wrong');
}

describe('headwater check', { timeout: 30_000 }, () => {
  it('publishes, watches, and says what it has seen without the key', async () => {
    const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    expect(await runCheck({ publish, play, timeout: '20' })).toBe(exitCode.ok);
    const lines = said.mock.calls.map(([text]) => String(text));
    expect(lines).toEqual([
      expect.stringMatching(
        /^rtmp:.*\/live\/check\?token=\*{3} is shown at http:.*\.flv: \d keyframes of \d+ frames\n$/,
      ),
    ]);
  });

  it('says why a stream was not shown', async () => {
    const elsewhere = play.replace('check.flv', 'elsewhere.flv');
    expect(await failureOf({ play: elsewhere, timeout: '1.5' })).toEqual({
      exitCode: exitCode.fault,
      message: `${elsewhere} showed no picture within 1.5 s: the answer was 404`,
    });
  });

  it('says why a publisher was refused', async () => {
    expect(await failureOf({ publish: publish.replace('open-sesame', 'guess') })).toEqual({
      exitCode: exitCode.fault,
      message: expect.stringMatching(
        /^the server ended the publisher: .*publishing is not allowed/,
      ) as string,
    });
  });

  it('ends also when a server takes the connection and says nothing', async () => {
    const mute = `rtmp://${await silentAddress()}/live/check`;
    expect(await failureOf({ publish: mute, timeout: '0.2' })).toEqual({
      exitCode: exitCode.fault,
      message: `${mute} took no publisher within 0.2 s`,
    });
  });

  it('says that nothing listens', async () => {
    const address = await silentAddress();
    silent?.close();
    const failure = await failureOf({ publish: `rtmp://${address}/live/check` });
    expect(failure.exitCode).toBe(exitCode.unavailable);
    expect(failure.message).toContain(`cannot reach ${address} (ECONNREFUSED)`);
  });

  it.each([
    [{ publish: 'rtmps://h/live/a' }, '--publish rtmps://h/live/a: expected rtmp://HOST'],
    [{ publish: 'h/live/a' }, '--publish h/live/a: expected rtmp://HOST'],
    [{ play: 'rtmp://h/live/a' }, '--play rtmp://h/live/a: expected http://HOST'],
    [{ play: 'h/live/a.flv?token=t' }, '--play h/live/a.flv?token=***: expected http://HOST'],
    [{ timeout: 'soon' }, '--timeout: expected a number of seconds'],
    [{ timeout: '0' }, '--timeout: expected a number of seconds'],
    [{ timeout: '3000000' }, '--timeout: expected a number of seconds'],
  ])('refuses %j', async (over, message) => {
    const failure = await failureOf(over);
    expect(failure.exitCode).toBe(exitCode.usage);
    expect(failure.message).toContain(message);
  });
});
