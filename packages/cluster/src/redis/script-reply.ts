// What scripts answer: an array of a code, of notes about what they could not read, and of their own values.

/** A script's answer, checked as far as all of them are alike. */
export interface ScriptReply {
  readonly code: number;
  /** What was unreadable in the store and therefore ignored. */
  readonly notes: readonly string[];
  /** The script's own values, after the notes. */
  readonly values: readonly unknown[];
}

/** Reads a reply; throws when it has another form. */
export function readReply(reply: unknown): ScriptReply {
  if (!Array.isArray(reply)) throw new Error('script answered with something else than an array');
  const [code, notes, ...values] = reply as unknown[];
  if (typeof code !== 'number') throw new Error('script answered without a code');
  return { code, notes: textsOf(notes), values };
}

/** The texts of an array; nothing of anything else. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** The text of a value, or ''. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The pairs of a flat array of texts. */
export function pairsOf(value: unknown): (readonly [string, string])[] {
  const texts = textsOf(value);
  const pairs: (readonly [string, string])[] = [];
  for (let index = 0; index + 1 < texts.length; index += 2) {
    pairs.push([texts[index] ?? '', texts[index + 1] ?? '']);
  }
  return pairs;
}
