import type { ConfigValueKind } from '@headwater/contracts';
import { parse } from 'yaml';

/**
 * What text stands for in a key of that kind. Text that cannot be one stays as it is: checking the value is the
 * schema's business, and its message then shows what was typed.
 */
export function typedText(text: string, kind: ConfigValueKind): unknown {
  switch (kind) {
    case 'text':
      return text;
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    case 'flag':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'list':
      return text.startsWith('[') ? yamlOrText(text) : text.split(',').filter((item) => item !== '');
    case 'map':
      return yamlOrText(text);
  }
}

function yamlOrText(text: string): unknown {
  try {
    return parse(text, { prettyErrors: false, maxAliasCount: 0 });
  } catch {
    return text;
  }
}
