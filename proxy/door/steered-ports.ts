/** The ports that a steering door stands in for: those of `http://name/` and `https://name/`. */
import { isPort, type Port } from '../core/target.js';

export const HTTP_PORT = port(80);
export const HTTPS_PORT = port(443);

function port(value: number): Port {
  if (!isPort(value)) throw new RangeError(`${value} is no port`);
  return value;
}
