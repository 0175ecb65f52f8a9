/** A line of a response's head that deviates from the form in a way that a proxy may repair (RFC 9112 sections 2.2 and 5). */
import { isBlank, isFieldContent, isToken, withoutOuterBlanks } from './characters.js';

const CR = 0x0d;

/** Takes the line at `at` into `fields`. Returns where the next one begins; -1 if it is none, or contains a control character. */
export function repairLine(text: string, at: number, fields: string[]): number {
  const end = text.indexOf('\n', at);
  const line = text.slice(at, text.charCodeAt(end - 1) === CR ? end - 1 : end);
  if (end === -1 || !isFieldContent(line)) return -1;
  const isTaken = isBlank(line.charCodeAt(0)) ? unfold(fields, line) : takeWithBlanks(fields, line);
  return isTaken ? end + 1 : -1;
}

/** RFC 9112 section 5.2: a proxy replaces a fold in a response with a space. */
function unfold(fields: string[], line: string): boolean {
  const last = fields.length - 1;
  const more = withoutOuterBlanks(line);
  if (more !== '' && last > 0) fields[last] = fields[last] === '' ? more : `${fields[last]} ${more}`;
  return last > 0;
}

/** RFC 9112 section 5.1: a proxy removes spaces before the colon in a response. */
function takeWithBlanks(fields: string[], line: string): boolean {
  const colon = line.indexOf(':');
  const name = withoutOuterBlanks(line, 0, colon);
  if (colon <= 0 || !isToken(name)) return false;
  fields.push(name, withoutOuterBlanks(line, colon + 1));
  return true;
}
