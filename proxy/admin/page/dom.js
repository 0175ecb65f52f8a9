/** Elements from texts. Nothing here or elsewhere on the page ever reads a text as HTML. */

/** `children`: elements and texts; texts are shown with what would be invisible or reorder them spelt out. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.map((child) => (child instanceof Node ? child : visible(child))));
  return made;
}

/** Control, formatting (right-to-left marks among them) and unassigned characters as their escapes. */
export function visible(text) {
  return String(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element ${id}`);
  return found;
}

/** A name or an address that takes a new line, where it must, between its parts and not within a number. */
export function breakable(text) {
  return visible(text)
    .split(/(?<=[.:])/)
    .flatMap((part, i) => (i === 0 ? [part] : [element('wbr'), part]));
}

/** A name to look at twice; nothing where there is no reason to. */
export function nameWarning(warning) {
  return warning ? [element('p', { class: 'warning' }, element('strong', {}, 'Look twice: '), warning)] : [];
}

/** A definition list; rows without a value are left out. */
export function fields(rows) {
  const list = element('dl', { class: 'fields' });
  for (const [name, value] of rows) {
    if (value === null || value === undefined || value === '') continue;
    list.append(element('dt', {}, name), element('dd', {}, value));
  }
  return list;
}

/** A table with a caption for screen readers; `rows` are elements. */
export function table(caption, heads, rows, kind = 'summary') {
  const cells = heads.map((head) => element('th', { scope: 'col' }, head));
  return element(
    'table',
    { class: kind },
    element('caption', { class: 'unseen' }, caption),
    element('thead', {}, element('tr', {}, ...cells)),
    element('tbody', {}, ...rows),
  );
}

/** A block of text with a button that copies exactly that text. */
export function copyable(text, label) {
  const block = element('pre', { tabindex: '0' });
  block.textContent = visible(text).replaceAll('\\u000a', '\n');
  const button = element('button', { type: 'button', 'aria-label': `Copy ${label}` }, 'Copy');
  button.addEventListener('click', async () => {
    button.textContent = (await copy(text, block)) ? 'Copied' : 'Press Ctrl+C';
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2000);
  });
  return element('div', { class: 'copy' }, block, button);
}

/** The clipboard is there on localhost and https only; elsewhere the text is selected for the person to copy. */
async function copy(text, block) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(block);
    return false;
  }
}
