/** The text that an encoded label stands for (RFC 3492), for those who warn of it. No decision is ever made by it. */

/** RFC 3492 section 5. */
const BASE = 36;
const [T_MIN, T_MAX, SKEW, DAMP, FIRST_BIAS, FIRST_CODE] = [1, 26, 38, 700, 72, 0x80];
const LAST_CODE = 0x10ffff;

/** `encoded`: a label without its `xn--`, in lower case. Null where it stands for no text. */
export function decodePunycode(encoded: string): string | null {
  const end = encoded.lastIndexOf('-');
  if (end === 0) return null;
  const codes = [...encoded.slice(0, Math.max(0, end))].map((char) => char.charCodeAt(0));
  const digits = encoded.slice(end + 1);
  let [code, place, bias] = [FIRST_CODE, 0, FIRST_BIAS];
  for (let at = 0; at < digits.length; place++) {
    const number = readNumber(digits, at, bias);
    if (number === null) return null;
    const count = codes.length + 1;
    bias = adapted(number.value, count, place === 0 && at === 0);
    code += Math.floor((place + number.value) / count);
    place = (place + number.value) % count;
    at = number.end;
    if (code > LAST_CODE || (code >= 0xd800 && code <= 0xdfff)) return null;
    codes.splice(place, 0, code);
  }
  return digits === '' ? null : String.fromCodePoint(...codes);
}

/** A number of variable length (section 3.3), and where the next one begins. A label of 63 octets cannot make it imprecise and valid. */
function readNumber(
  digits: string,
  from: number,
  bias: number,
): { readonly value: number; readonly end: number } | null {
  let [value, weight] = [0, 1];
  for (let [at, k] = [from, BASE]; at < digits.length; at++, k += BASE) {
    const digit = Number.parseInt(digits[at] ?? '', BASE);
    if (Number.isNaN(digit)) return null;
    // Letters are 0 to 25 and digits 26 to 35, the other way round than in JavaScript.
    const here = digit < 10 ? digit + 26 : digit - 10;
    value += here * weight;
    const threshold = Math.min(Math.max(k - bias, T_MIN), T_MAX);
    if (value > Number.MAX_SAFE_INTEGER) return null;
    if (here < threshold) return { value, end: at + 1 };
    weight *= BASE - threshold;
  }
  return null;
}

/** Section 6.1. */
function adapted(delta: number, count: number, isFirst: boolean): number {
  let rest = Math.floor(delta / (isFirst ? DAMP : 2));
  rest += Math.floor(rest / count);
  let k = 0;
  for (; rest > ((BASE - T_MIN) * T_MAX) / 2; k += BASE) rest = Math.floor(rest / (BASE - T_MIN));
  return k + Math.floor(((BASE - T_MIN + 1) * rest) / (rest + SKEW));
}
