// A picture comes in several RTP packets and NAL units; FLV wants it whole (ISO 14496-15: an access unit of NAL units
// behind 32-bit lengths).

/** A whole picture. */
export interface AccessUnit {
  readonly timestamp: number;
  readonly isKeyframe: boolean;
  /** Its NAL units, each behind its length. */
  readonly nalUnits: readonly Buffer[];
  readonly bytes: number;
}

/** What one picture may have. */
export const maxAccessUnitBytes: number = 16 * 1024 * 1024;

/** Collects the NAL units of one picture after the other. */
export class AccessUnitCollector {
  readonly #isHevc: boolean;
  #timestamp = 0;
  #nalUnits: Buffer[] = [];
  #bytes = 0;
  #isKeyframe = false;
  #isDamaged = false;
  #isAfterGap = false;
  #damagedUnits = 0;

  constructor(codec: 'h264' | 'h265') {
    this.#isHevc = codec === 'h265';
  }

  /** How many pictures were left out for missing packets. Asking starts the count again. */
  takeDamaged(): number {
    const damaged = this.#damagedUnits;
    this.#damagedUnits = 0;
    return damaged;
  }

  /** Packets before the next ones are missing: of the picture so far, or of the one that begins now. */
  damage(): void {
    this.#isDamaged = true;
    this.#isAfterGap = true;
  }

  /** NAL units, each behind its length. The picture before is returned when they belong to another one. */
  add(timestamp: number, nalUnits: Buffer): AccessUnit | undefined {
    const hasBegun = this.#bytes > 0 || (this.#isDamaged && !this.#isAfterGap);
    const complete = timestamp !== this.#timestamp && hasBegun ? this.complete() : undefined;
    this.#timestamp = timestamp;
    this.#isDamaged ||= this.#isAfterGap;
    this.#isAfterGap = false;
    this.#bytes += nalUnits.length;
    if (this.#bytes > maxAccessUnitBytes) this.#drop();
    else this.#nalUnits.push(nalUnits);
    this.#isKeyframe ||= hasKeyframe(nalUnits, this.#isHevc);
    return complete;
  }

  #drop(): void {
    this.#isDamaged = true;
    this.#nalUnits = [];
    this.#bytes = 0;
  }

  /** The picture that was collected, unless it is damaged or empty. */
  complete(): AccessUnit | undefined {
    const unit: AccessUnit = {
      timestamp: this.#timestamp,
      isKeyframe: this.#isKeyframe,
      nalUnits: this.#nalUnits,
      bytes: this.#bytes,
    };
    const isUsable = unit.bytes > 0 && !this.#isDamaged;
    if (!isUsable && (unit.bytes > 0 || this.#isDamaged)) this.#damagedUnits++;
    this.#nalUnits = [];
    this.#bytes = 0;
    this.#isKeyframe = false;
    this.#isDamaged = false;
    return isUsable ? unit : undefined;
  }
}

function hasKeyframe(nalUnits: Buffer, isHevc: boolean): boolean {
  for (let offset = 0; offset + 5 <= nalUnits.length; offset += 4 + nalUnits.readUInt32BE(offset)) {
    const first = nalUnits.readUInt8(offset + 4);
    const type = isHevc ? (first >> 1) & 0x3f : first & 0x1f;
    // H.265 Table 7-1: 16 to 23 are intra random access points; H.264 Table 7-1: 5 is an IDR slice.
    if (isHevc ? type >= 16 && type <= 23 : type === 5) return true;
  }
  return false;
}
