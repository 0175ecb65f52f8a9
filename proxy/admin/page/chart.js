/** Allowed and refused requests of the last two minutes, one bar a second: two paths, redrawn once a second. */
import { byId } from './dom.js';

const SECONDS = 120;
const HEIGHT = 40;

export function createChart() {
  const allow = new Array(SECONDS).fill(0);
  const deny = new Array(SECONDS).fill(0);
  let before = null;

  const draw = () => {
    const top = Math.max(1, ...allow.map((count, i) => count + deny[i]));
    const bar = (i, from, count) => {
      const height = (count / top) * HEIGHT;
      const y = HEIGHT - (from / top) * HEIGHT - height;
      return count === 0 ? '' : `M${i} ${y}h.85v${height}h-.85z`;
    };
    byId('chart-deny').setAttribute('d', deny.map((count, i) => bar(i, 0, count)).join(''));
    byId('chart-allow').setAttribute('d', allow.map((count, i) => bar(i, deny[i], count)).join(''));
    const sum = (counts) => counts.reduce((total, count) => total + count, 0);
    byId('chart-text').textContent =
      `last two minutes: ${sum(allow)} allowed, ${sum(deny)} denied or failed; at most ${top} a second`;
  };

  return {
    /** Counts since the start of the proxy, once a second. A restart of the proxy begins at zero again. */
    totals(totals) {
      const refused = totals.deny + totals.fail;
      const isNext = before !== null && totals.allow >= before.allow && refused >= before.refused;
      allow.push(isNext ? totals.allow - before.allow : 0);
      deny.push(isNext ? refused - before.refused : 0);
      allow.shift();
      deny.shift();
      before = { allow: totals.allow, refused };
      draw();
    },
    /** Records that were made before the page was opened. */
    fill(records) {
      const now = Date.now();
      for (const { time, outcome } of records) {
        const age = Math.floor((now - Date.parse(time)) / 1000);
        if (age >= 0 && age < SECONDS) (outcome === 'allow' ? allow : deny)[SECONDS - 1 - age]++;
      }
      draw();
    },
  };
}
