// The query of a request as it is passed on: the token of the viewer and whatever else it says, byte by byte, without what was
// meant for the router.

/** A query without some of its parameters, and with others at its end. */
export function passedQuery(
  query: string,
  change: { readonly without: readonly string[]; readonly and?: Readonly<Record<string, string>> },
): string {
  const kept = query.split('&').filter((pair) => pair !== '' && !change.without.includes(nameOf(pair)));
  const added = Object.entries(change.and ?? {}).map(([name, value]) => `${name}=${value}`);
  return [...kept, ...added].join('&').replaceAll(unsafe, encoded);
}

/** How often a request was redirected by a router before. */
export function hopsOf(query: string): number {
  const hops = new URLSearchParams(query).get('hop') ?? '';
  return /^\d{1,3}$/.test(hops) ? Number(hops) : 0;
}

// However it is written: what is read later must not be hidden from here.
function nameOf(pair: string): string {
  const [name = ''] = new URLSearchParams(pair).keys();
  return name;
}

// What may not stand in a header, or ends a query where a browser reads it, though a parser let it through in a target.
const unsafe = /[^\x21-\x7e]|#/g;

function encoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0').slice(-2)}`;
}
