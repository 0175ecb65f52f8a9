/** A line at the edge of the page, for ten seconds. */
import { byId, element } from './dom.js';

const UNDO_MS = 10_000;

let toastTimer = null;

/** What was done, with a button that takes it back for ten seconds, if `undo` is not null. `onUndone`: it was taken back. */
export function toast(text, undo, onUndone = () => {}) {
  const place = byId('toast');
  clearTimeout(toastTimer);
  const hide = () => {
    place.hidden = true;
    place.replaceChildren();
  };
  const parts = [element('span', {}, text)];
  if (undo !== null) {
    const button = element('button', { type: 'button' }, 'Undo');
    button.addEventListener('click', async () => {
      hide();
      await undo().then(
        () => toast('Undone.', null),
        (error) => toast(error.message, null),
      );
      onUndone();
    });
    parts.push(button);
  }
  // Behind an open dialog nothing can be pressed.
  const over = document.querySelector('dialog[open]') ?? document.body;
  if (place.parentElement !== over) over.append(place);
  place.replaceChildren(...parts);
  place.hidden = false;
  toastTimer = setTimeout(hide, UNDO_MS);
}
