/** What the spawn guard started and refused, newest first. */
import { ask } from './api.js';
import { element, table } from './dom.js';
import { timeText } from './list.js';

const SHOWN = 30;

/** Nothing where there is no guard, or it has not decided anything yet. */
export async function spawnParts() {
  const records = await ask(`/v1/spawns?limit=${SHOWN}`);
  if (records.length === 0) return [];
  const heads = ['Time', 'Outcome', 'Server', 'Image or request', 'Why'];
  const made = table('Decisions of the spawn guard, newest first', heads, records.map(spawnRow));
  return [element('h3', {}, 'Started and refused by the spawn guard'), made];
}

function spawnRow({ time, outcome, server, image, operation, container, reason, explanation }) {
  const what = image === null ? operation : `${operation} ${image}`;
  const cells = [timeText(time), outcome, server ?? '', what, explanation ?? container ?? reason ?? ''];
  return element('tr', { class: outcome }, ...cells.map((text) => element('td', {}, element('bdi', {}, text))));
}
