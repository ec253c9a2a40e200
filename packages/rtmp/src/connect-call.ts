// `connect`: what the client says about itself, and the reply.
import { isAmfObject, amfNumber, amfString, type AmfValue } from './amf-value.ts';
import type { Command } from './commands.ts';
import { announcedCapabilities, readCapabilities } from './enhanced-capabilities.ts';
import { isForwarder, readForwardedClient } from './forwarding.ts';
import { rtmpChunkSizeOut } from './limits.ts';
import type { ClientInfo } from './server-delegate.ts';
import type { SessionOutput } from './session-output.ts';
import { statusObject } from './status.ts';
import { connectTarget } from './tc-url.ts';

/** What a `connect` says. */
export interface ConnectCall {
  readonly transactionId: number;
  readonly client: ClientInfo;
  /** Query parameters of tcUrl and app. */
  readonly params: ReadonlyMap<string, string>;
  readonly objectEncoding: number;
}

/** The window that both sides acknowledge in. */
export const windowAckBytes = 2_500_000;

const maxTextLength = 2048;

/** Reads a `connect`. Whatever is missing or of another type is taken as empty. */
export function readConnectCall(command: Command): ConnectCall {
  const [first] = command.args;
  const properties = isAmfObject(first) ? first : undefined;
  const tcUrl = amfString(properties, 'tcUrl').slice(0, maxTextLength);
  const { app, params } = connectTarget(amfString(properties, 'app').slice(0, maxTextLength), tcUrl);
  const flashVer = amfString(properties, 'flashVer').slice(0, 128);
  const forwardedClient = readForwardedClient(properties);
  return {
    transactionId: command.transactionId,
    client: {
      app,
      tcUrl,
      flashVer,
      ...readCapabilities(properties),
      ...(isForwarder(properties) ? { isForwarder: true } : {}),
      ...(forwardedClient === undefined ? {} : { forwardedClient }),
    },
    params,
    objectEncoding: amfNumber(properties, 'objectEncoding') === 3 ? 3 : 0,
  };
}

/** Says yes: windows and chunk size first, so that the client knows them when it reads the result. */
export function acceptConnect(call: ConnectCall, output: SessionOutput): void {
  output.control({ kind: 'windowAckSize', windowBytes: windowAckBytes });
  output.control({ kind: 'setPeerBandwidth', windowBytes: windowAckBytes, limit: 'dynamic' });
  output.control({ kind: 'setChunkSize', chunkSize: rtmpChunkSizeOut });
  const properties = new Map<string, AmfValue>([
    ['fmsVer', 'FMS/3,0,1,123'],
    ['capabilities', 31],
    ...announcedCapabilities(),
  ]);
  const success = {
    level: 'status',
    code: 'NetConnection.Connect.Success',
    description: 'Connection succeeded.',
  } as const;
  const info = statusObject(success, { objectEncoding: call.objectEncoding });
  output.command('_result', call.transactionId, [properties, info]);
}
