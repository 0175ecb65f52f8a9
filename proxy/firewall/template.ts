/**
 * A rule set with places for what differs from host to host. The same template is expanded here for the `firewall`
 * command and by docker/host/ssrf-egress-block.sh, which carries it as text.
 */

/** `egress…`: the sidecar's own way out, from which only the host itself is out of reach. */
export type Slot = 'subnet4' | 'subnet6' | 'interface' | 'dns4' | 'dns6' | 'egress4' | 'egress6' | 'egressInterface';

/** The values of each slot: prefixes with their length, interface names. */
export type SlotValues = Readonly<Record<Slot, readonly string[]>>;

/** A line as it is, or one that is repeated for every value of `each` with the value in place of `{}`. */
export type Line = string | { readonly each: Slot; readonly text: string };

export function each(slot: Slot, ...texts: readonly string[]): Line[] {
  return texts.map((text) => ({ each: slot, text }));
}

export const NO_VALUES: SlotValues = {
  subnet4: [],
  subnet6: [],
  interface: [],
  dns4: [],
  dns6: [],
  egress4: [],
  egress6: [],
  egressInterface: [],
};

/** One line of output per line, and a newline at the end of each. */
export function expand(lines: readonly Line[], values: SlotValues): string {
  const expanded = lines.flatMap((line) => {
    if (typeof line === 'string') return [line];
    return values[line.each].map((value) => line.text.replaceAll('{}', value));
  });
  return `${expanded.join('\n')}\n`;
}

/** The template as text: a line that is repeated starts with `%` and the name of its slot. */
export function templateText(lines: readonly Line[]): string {
  return lines.map((line) => `${typeof line === 'string' ? line : `%${line.each} ${line.text}`}\n`).join('');
}
