/** What tools ask for and no rule allows: answered here, and gone when it is. */

import { forWhom, isForAddress, spanButtons, unnamedHint } from './actions.js';
import { ask } from './api.js';
import { breakable, byId, element, nameWarning } from './dom.js';
import { answerQuestion, decide } from './grants.js';
import { clientText, destination, timeText } from './list.js';

/** By id: what somebody is about to press is never replaced. */
const shown = new Map();

/** Reads all that wait for an answer and shows them. */
export async function showQuestions() {
  const { questions, folded, ask: asking } = await ask('/v1/questions');
  const place = byId('questions');
  place.hidden = asking === null && questions.length === 0;
  byId('questions-title').textContent = `Waiting for an answer (${questions.length})`;
  byId('questions-title').hidden = questions.length === 0 && folded.length === 0;
  removeEnded(new Set(questions.map(({ id }) => id)));
  for (const question of questions) {
    const known = shown.get(question.id);
    if (known !== undefined) renew(known, question);
    else add(question);
  }
  const more = folded.map(({ client, more: count }) =>
    element(
      'p',
      { class: 'hint' },
      `${count} more of `,
      element('bdi', {}, clientText(client)),
      ' were not asked one by one.',
    ),
  );
  byId('questions-more').replaceChildren(...more);
}

function add(question) {
  const times = element('span', { class: 'hint' }, timesText(question));
  const item = questionItem(question, times);
  shown.set(question.id, { times, item });
  byId('question-list').append(item);
}

/** A text that takes another line waits until no pointer is there: a tool, which asks at will, could move what is below. */
function renew({ times, item }, question) {
  const [before, height] = [times.textContent, item.offsetHeight];
  times.textContent = timesText(question);
  if (isPointedAt() && item.offsetHeight !== height) times.textContent = before;
}

/**
 * Where the focus was in what goes, it goes to the heading, on which no key decides anything. What is below it moves up only
 * when no pointer is there: a press must not meet another question than the one that was aimed at.
 */
function removeEnded(open) {
  for (const [id, { item }] of shown) {
    if (open.has(id)) continue;
    const hadFocus = item.contains(document.activeElement);
    if (isPointedAt() && item.nextElementSibling !== null) standIn(item);
    else item.remove();
    shown.delete(id);
    if (hadFocus) (shown.size > 0 ? byId('questions-title') : byId('main')).focus();
  }
}

function isPointedAt() {
  return byId('question-list').matches(':hover');
}

/** Nothing to press, as high as it was. */
function standIn(item) {
  item.style.minHeight = `${item.getBoundingClientRect().height}px`;
  const [what] = item.children;
  item.className = 'ended';
  item.replaceChildren(what, element('p', { class: 'hint' }, 'Answered, or no longer asked.'));
}

/**
 * The list closes up when the mouse has left it, or something else is pressed. A finger leaves with each tap, before the
 * click of that tap is aimed.
 */
export function bindQuestions() {
  const list = byId('question-list');
  list.addEventListener('pointerleave', ({ pointerType }) => pointerType === 'mouse' && closeUp());
  // Before the target hears of it, which may replace what was pressed.
  document.addEventListener('click', ({ target }) => !list.contains(target) && !isPointedAt() && closeUp(), true);
}

function closeUp() {
  for (const item of document.querySelectorAll('#question-list .ended')) item.remove();
}

function timesText({ count, last, waiting }) {
  const held = waiting > 0 ? `, ${waiting} waiting now` : '';
  return ` ${count} ${count === 1 ? 'time' : 'times'}, last ${timeText(last)}${held}`;
}

function questionItem(question, times) {
  const { client, grantClient } = question;
  const place = element('div', { class: 'decision' });
  const who = forWhom(grantClient);
  const make = (effect, span) => () =>
    decide(place, answerQuestion(question, effect, span, isForAddress(grantClient, span) ? 'this' : who.which()));
  const dismiss = element('button', { type: 'button' }, 'Dismiss');
  dismiss.addEventListener('click', () => decide(place, answerQuestion(question, 'dismiss')));
  return element(
    'li',
    {},
    element(
      'p',
      {},
      element('bdi', {}, clientText(client)),
      ' asks for ',
      element('strong', { class: 'destination' }, element('bdi', {}, ...breakable(destination(question)))),
      times,
    ),
    ...nameWarning(question.warning),
    element(
      'div',
      { class: 'buttons wrap steady' },
      ...spanButtons('allow', make),
      ...spanButtons('block', make).slice(-1),
      dismiss,
      who.field,
    ),
    ...unnamedHint(grantClient, client.address),
    place,
  );
}
