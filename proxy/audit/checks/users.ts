/** §7: who processes run as. */

import type { Settings } from '../facts/facts.js';
import type { Check } from '../findings/finding.js';
import { cis, pass } from '../findings/finding.js';
import { serviceOverride } from '../findings/remedy.js';
import { custom, judgeEach, withRole } from '../findings/seats.js';

export const runsAsRoot: Check = {
  id: 'runs-as-root',
  section: '§7',
  expected: "The stack's own services and n8n run as a user other than root.",
  severity: 'medium',
  sources: [['docker'], ['compose']],
  references: cis('4.1'),
  run: (facts) =>
    judgeEach([...custom(facts), ...withRole(facts, 'n8n')], ({ service, settings, source }) => {
      const name = service.name;
      const { user } = settings;
      // A file that says nothing leaves it to the image.
      if (user === null) return null;
      if (!isRoot(user)) return pass(source, name, 'It does not run as root.');
      if (dropsByItself(settings)) return pass(source, name, 'It starts as root only to become another user.');
      const message = `${name} runs as root.`;
      const actual = user === '' ? 'no user' : `user ${user}`;
      const note = 'Files in its volumes must then belong to that user; or set USER in its Dockerfile.';
      const remedy = serviceOverride(name, ['user: "1000:1000"'], note);
      return { status: 'fail', service: name, source, message, actual, remedy };
    }),
};

function isRoot(user: string): boolean {
  return /^(?:|0+|root)(?::.*)?$/.test(user.trim());
}

/** The entry point of a gosu image: root with the two capabilities that it takes to become another user, and no other. */
export function dropsByItself({ capAdd, capDrop }: Settings): boolean {
  const needs = ['SETUID', 'SETGID'];
  return capDrop.includes('ALL') && needs.every((name) => capAdd.includes(name)) && capAdd.length === needs.length;
}
