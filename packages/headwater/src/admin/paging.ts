/** One page of a list. */
export interface Page<Item> {
  readonly items: Item[];
  readonly nextCursor?: string;
}

/**
 * The page after `cursor`, in the order of the keys. A cursor is the key of the last item seen, so items that come or
 * go in between neither repeat nor hide others.
 */
export function pageOf<Item>(
  items: readonly Item[],
  options: {
    readonly limit: number;
    readonly cursor?: string | undefined;
    readonly keyOf: (item: Item) => string;
  },
): Page<Item> {
  const { limit, cursor = '', keyOf } = options;
  const keyed = items.map((item) => ({ key: keyOf(item), item })).filter(({ key }) => key > cursor);
  keyed.sort((left, right) => (left.key < right.key ? -1 : 1));
  const shown = keyed.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(({ item }) => item),
    ...(keyed.length > limit && last !== undefined ? { nextCursor: last.key } : {}),
  };
}
