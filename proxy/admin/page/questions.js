/** What tools ask for and no rule allows: answered here, and gone when it is. */

import { forWhom, spanButtons } from './actions.js';
import { ask } from './api.js';
import { byId, element } from './dom.js';
import { answerQuestion, decide } from './grants.js';
import { clientText, destination, timeText } from './list.js';

let shown = '';

/** Reads all that wait for an answer and shows them. A form that somebody is using is not replaced by the same one. */
export async function showQuestions() {
  const { questions, folded, ask: asking } = await ask('/v1/questions');
  const place = byId('questions');
  place.hidden = asking === null && questions.length === 0;
  const text = JSON.stringify([questions, folded]);
  if (text === shown) return;
  shown = text;
  const more = folded.map(({ client, more: count }) =>
    element(
      'p',
      { class: 'hint' },
      `${count} more of `,
      element('bdi', {}, clientText(client)),
      ' were not asked one by one.',
    ),
  );
  const heading = element('h2', {}, `Waiting for an answer (${questions.length})`);
  place.replaceChildren(
    ...(questions.length === 0 && more.length === 0 ? [] : [heading]),
    element('ul', { class: 'questions' }, ...questions.map(questionItem)),
    ...more,
  );
}

function questionItem(question) {
  const { client, count, waiting, grantClient, last } = question;
  const place = element('div', { class: 'decision' });
  const who = forWhom(grantClient);
  const make = (effect, span) => () => decide(place, answerQuestion(question, effect, span, who.which()));
  const dismiss = element('button', { type: 'button' }, 'Dismiss');
  dismiss.addEventListener('click', () => decide(place, answerQuestion(question, 'dismiss')));
  const held = waiting > 0 ? `, ${waiting} waiting now` : '';
  return element(
    'li',
    {},
    element(
      'p',
      {},
      element('bdi', {}, clientText(client)),
      ' asks for ',
      element('strong', { class: 'destination' }, element('bdi', {}, destination(question))),
      element('span', { class: 'hint' }, ` ${count} ${count === 1 ? 'time' : 'times'}, last ${timeText(last)}${held}`),
    ),
    element(
      'div',
      { class: 'buttons wrap' },
      ...spanButtons('allow', make),
      ...spanButtons('block', make).slice(-1),
      dismiss,
      who.field,
    ),
    place,
  );
}
