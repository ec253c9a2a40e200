// Codec configurations as encoders send them, for a 1280×720 picture and 44.1 or 48 kHz stereo sound.

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const avcSps = hex('67 64 00 1f ac d9 40 50 05 bb 01 10 00 00 03 00 10 00 00 03 03 20 f1 83 19 60');
const avcPps = hex('68 eb e3 cb 22 c0');
const hevcVps = hex('40 01 0c 01 ff ff 01 60 00 00 03 00 90 00 00 03 00 00 03 00 5d 95 98 09');
const hevcSps = hex(
  '42 01 01 01 60 00 00 03 00 90 00 00 03 00 00 03 00 5d a0 02 80 80 2d 16 59 59 a4 93 2b c0 5a',
);
const hevcPps = hex('44 01 c1 72 b4 62 40');

/** The configuration that the codec's sequence start carries; empty for codecs without one. */
export const codecConfigurations: Readonly<Record<string, Buffer>> = {
  // AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1)
  avc1: Buffer.concat([
    hex('01 64 00 1f ff e1'),
    u16(avcSps.length),
    avcSps,
    hex('01'),
    u16(avcPps.length),
    avcPps,
  ]),
  // HEVCDecoderConfigurationRecord (8.3.3.1)
  hvc1: Buffer.concat([
    hex('01 01 60 00 00 00 90 00 00 00 00 00 5d f0 00 fc fd f8 f8 00 00 0f 03'),
    ...[hevcVps, hevcSps, hevcPps].map((unit) =>
      Buffer.concat([Buffer.from([0x80 | ((unit[0] ?? 0) >> 1), 0, 1]), u16(unit.length), unit]),
    ),
  ]),
  // AV1CodecConfigurationRecord with its sequence header OBU
  av01: hex('81 05 0c 00 0a 0b 00 00 00 2d 4c ff b3 df ff 9c 40'),
  // VPCodecConfigurationRecord
  vp09: hex('01 00 00 00 00 1f 80 02 02 02 00 00'),
  // AudioSpecificConfig: AAC LC, 44.1 kHz, stereo
  mp4a: hex('12 10'),
  // OpusHead: stereo, pre-skip 312, 48 kHz
  Opus: Buffer.concat([Buffer.from('OpusHead'), hex('01 02 38 01 80 bb 00 00 00 00 00')]),
};

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}
