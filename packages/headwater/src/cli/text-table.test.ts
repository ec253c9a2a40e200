import { expect, it } from 'vitest';
import { textTable } from './text-table.ts';

it('aligns columns and lets no control character through', () => {
  const table = textTable(
    ['NAME', 'N'],
    [
      ['a\u001b[31m', '1'],
      ['longer name', '22'],
    ],
  );
  expect(table).toBe('NAME         N\na?[31m       1\nlonger name  22\n');
});
