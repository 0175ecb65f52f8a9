/** Which service of a stack is the gateway that starts the tools. */
import { InitError } from './init-error.js';
import type { Service, Stack } from './stack.js';

const IMAGE = /(?:^|\/)mcp-gateway(?:[:@]|$)/;

/** `named`: by the user. Throws an InitError that says what was looked for, and what there is. */
export function gatewayOf(stack: Stack, named: string | undefined, files: readonly string[]): Service {
  const found = candidates(stack, named);
  const [gateway] = found;
  if (gateway !== undefined && found.length === 1) return gateway;
  const names = found.map(({ name }) => name).join(', ');
  if (found.length > 1) throw new InitError(`${names} may each be the gateway: choose one with --gateway NAME`);
  const what =
    named === undefined
      ? 'no gateway was found. Looked for a service called mcp-gateway, one with an image called mcp-gateway, and one with\n' +
        '  "mcp" and "gateway" in its name that has docker.sock'
      : `there is no service ${named}`;
  throw new InitError(
    `${what}\n  in ${files.join(', ')}\n  which has ${stack.services.map(({ name }) => name).join(', ') || 'no service'}.\n` +
      '  --gateway NAME says which it is. A stack without a gateway: docker/compose.tools.yml of the repository.',
  );
}

/** The services found by the first rule that finds any. */
function candidates({ services }: Stack, named: string | undefined): readonly Service[] {
  const rules: readonly ((service: Service) => boolean)[] =
    named === undefined
      ? [
          ({ name }) => name === 'mcp-gateway',
          ({ image }) => IMAGE.test(image),
          ({ name, hasEngineSocket }) => hasEngineSocket && /mcp/i.test(name) && /gateway/i.test(name),
        ]
      : [({ name }) => name === named];
  for (const rule of rules) {
    const found = services.filter(rule);
    if (found.length > 0) return found;
  }
  return [];
}
