/**
 * Buttons that decide must not be pressed by whoever aimed at something else: a press on one that has just come to where the
 * finger or the pointer was is not heard.
 */
import { toast } from './toast.js';

/** Sooner than this nobody presses what has come only now. */
const SETTLE_MS = 500;

/** By element, or by the name of one that is made anew each time: where it was last, and when it came there under the pointer. */
const places = new Map();
let pointer = { type: '', x: -1, y: -1, downAt: 0 };

/** Looks at all elements of the class `steady` from now on. */
export function bindSteady() {
  const note = ({ pointerType, clientX, clientY }, downAt) => {
    pointer = { type: pointerType, x: clientX, y: clientY, downAt };
  };
  document.addEventListener('pointermove', (event) => note(event, pointer.downAt), true);
  document.addEventListener('pointerdown', (event) => note(event, performance.now()), true);
  document.addEventListener('click', refuse, true);
  const watched = { childList: true, subtree: true, characterData: true, attributeFilter: ['hidden', 'open', 'class'] };
  new MutationObserver(look).observe(document.body, watched);
  addEventListener('resize', look);
}

/** For a button that opens something, below what a tool can make longer. `name`: its own for as long as it means the same. */
export function steady(button, name) {
  button.classList.add('steady');
  button.dataset.steady = name;
  return button;
}

/** Scrolling moves nothing: it is the person who does that. */
function look() {
  const now = performance.now();
  const elements = new Map([...document.querySelectorAll('.steady')].map((element) => [keyOf(element), element]));
  for (const key of places.keys()) if (!elements.has(key)) places.delete(key);
  for (const [key, element] of elements) {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    const at = `${Math.round(left + scrollX)} ${Math.round(top + scrollY)}`;
    const known = places.get(key);
    if (known?.at === at) continue;
    const isUnder = pointer.x >= left && pointer.x <= right && pointer.y >= top && pointer.y <= bottom;
    places.set(key, { at, cameAt: now, isUnder });
  }
}

function keyOf(element) {
  return element.dataset.steady ?? element;
}

/** A key has no place, and goes on. A finger is nowhere until it presses. */
function refuse(event) {
  const button = event.target.closest?.('.steady button, button.steady');
  const place = button ? places.get(keyOf(button.closest('.steady'))) : undefined;
  if (place === undefined || event.detail === 0 || pointer.downAt - place.cameAt >= SETTLE_MS) return;
  if (pointer.type === 'mouse' && !place.isUnder) return;
  event.preventDefault();
  event.stopPropagation();
  toast('This had only just come here, so nothing was done: press again if you mean it.', null);
}
