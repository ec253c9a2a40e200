// What a peer announces at `connect` beyond RTMP 1.0 (Enhanced RTMP v2, "Enhancing NetConnection connect command").
import type { AmfObject, AmfValue } from './amf-value.ts';
import { amfNumber, amfObject } from './amf-value.ts';

/** Bits of `capsEx`. */
export const capability = { reconnect: 1, multitrack: 2, modEx: 4, nanosecondOffset: 8 } as const;

/** Bits of the FourCC info maps. */
const canForward = 4;
const allCapabilities =
  capability.reconnect | capability.multitrack | capability.modEx | capability.nanosecondOffset;
const maxFourCcs = 64;
const maxFourCcLength = 16;

/** The properties that a forwarder of everything announces: any codec, any of the newer message forms. */
export function announcedCapabilities(capsEx: number = allCapabilities): readonly [string, AmfValue][] {
  return [
    ['fourCcList', ['*']],
    ['videoFourCcInfoMap', amfObject({ '*': canForward })],
    ['audioFourCcInfoMap', amfObject({ '*': canForward })],
    ['capsEx', capsEx],
  ];
}

/** What a peer announced; nothing for whatever is missing or of another type. */
export function readCapabilities(properties: AmfObject | undefined): {
  capsEx: number;
  fourCcList: readonly string[];
} {
  const list = properties?.get('fourCcList');
  const fourCcList = Array.isArray(list) ? (list as readonly AmfValue[]) : [];
  return {
    capsEx: amfNumber(properties, 'capsEx') & 0xff,
    fourCcList: fourCcList
      .slice(0, maxFourCcs)
      .filter((item): item is string => typeof item === 'string' && item.length <= maxFourCcLength),
  };
}
