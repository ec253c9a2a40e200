// Commands (RTMP 1.0 §7.2): a name, a transaction id, a command object and arguments, all AMF0. In AMF3 messages a
// format byte comes first and single values may switch to AMF3 (Enhanced RTMP v2, historical clarification).
import { ProtocolError } from '@headwater/contracts';
import type { AmfValue } from './amf-value.ts';
import { decodeAmf0 } from './amf0-decode.ts';
import { encodeAmf0 } from './amf0-encode.ts';
import { chunkStreamId, messageType, type RtmpMessage } from './message.ts';

/** One call or reply. */
export interface Command {
  readonly name: string;
  /** 0 when no reply is wanted, and for whatever a peer sends that is not a finite number. */
  readonly transactionId: number;
  /** The command object first, then the arguments; any of any type, or missing. */
  readonly args: readonly AmfValue[];
}

/** The longest command that is looked into. */
export const maxCommandBytes: number = 64 * 1024;

/** True for both types of command message. */
export function isCommandMessage(message: RtmpMessage): boolean {
  return message.typeId === messageType.commandAmf0 || message.typeId === messageType.commandAmf3;
}

/** Undefined when the name is no string: there is nothing to answer. Throws `ProtocolError` for what is too long or not AMF. */
export function decodeCommand(message: RtmpMessage): Command | undefined {
  const { payload } = message;
  if (payload.length > maxCommandBytes) {
    throw new ProtocolError('command is too long', 0, { length: payload.length, limit: maxCommandBytes });
  }
  const [name, transactionId, ...args] = decodeAmf0(payload, amfOffset(message));
  if (typeof name !== 'string') return undefined;
  const isUsable = typeof transactionId === 'number' && Number.isFinite(transactionId);
  return { name, transactionId: isUsable ? transactionId : 0, args };
}

/** A command as an AMF0 message, which clients with objectEncoding 3 accept too. */
export function encodeCommand(command: Command, messageStreamId = 0): RtmpMessage {
  return {
    chunkStreamId: chunkStreamId.command,
    typeId: messageType.commandAmf0,
    messageStreamId,
    timestampMs: 0,
    payload: encodeAmf0(command.name, command.transactionId, ...command.args),
  };
}

/** Where AMF0 begins in a command or data message: behind the format byte of the AMF3 types. */
export function amfOffset(message: RtmpMessage): number {
  const isAmf3 = message.typeId === messageType.commandAmf3 || message.typeId === messageType.dataAmf3;
  return isAmf3 && message.payload[0] === 0 ? 1 : 0;
}
