/** Variables in compose files, as Compose replaces them. */

export type Environment = ReadonlyMap<string, string>;

const NAME = /^\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-+?])([\s\S]*))?\})$/;

/** `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+other}`, `${NAME:?words}` and `$$`; a default may hold references. */
export function substitute(text: string, env: Environment): string {
  let out = '';
  for (let at = 0; at < text.length; ) {
    const reference = text[at] === '$' ? referenceAt(text, at) : '';
    out += reference === '' ? text[at] : valueFor(reference, env);
    at += Math.max(1, reference.length);
  }
  return out;
}

/** Through its closing brace, with whatever braces are inside it. Empty for a dollar sign that begins no reference. */
function referenceAt(text: string, at: number): string {
  if (text[at + 1] !== '{') return /^\$(?:\$|[A-Za-z_]\w*)/.exec(text.slice(at))?.[0] ?? '';
  let depth = 0;
  for (let end = at + 1; end < text.length; end += 1) {
    if (text[end] === '{') depth += 1;
    if (text[end] === '}') depth -= 1;
    if (depth === 0) return text.slice(at, end + 1);
  }
  return '';
}

function valueFor(reference: string, env: Environment): string {
  if (reference === '$$') return '$';
  const [, short, name = short ?? '', operator = '', word = ''] = NAME.exec(reference) ?? [];
  if (name === '') return reference;
  const value = env.get(name);
  const isThere = value !== undefined && !(operator.startsWith(':') && value === '');
  if (operator.endsWith('-')) return isThere ? value : substitute(word, env);
  if (operator.endsWith('+')) return isThere ? substitute(word, env) : '';
  return value ?? '';
}
