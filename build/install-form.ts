/** compose.override.yml as it is where there is no clone: nothing is built, and every stack has networks of its own name. */

const HEADER = `# compose.override.yml for stacks without a clone: made by "npm run install-form", and by "egress-proxy init" for one stack.
# Needs Compose 2.24.4 or newer. Variables go into the stack's .env; the defaults are in the text below.
`;

/** From the text of compose.override.yml. Throws where that has not the expected shape. */
export function installForm(override: string): string {
  const start = override.indexOf('\nservices:\n');
  if (start === -1) throw new Error('compose.override.yml has no services');
  const body = replaced(override.slice(start), /^ {4}build:\n(?: {6}.*\n)+/m, '');
  const project = '${COMPOSE_PROJECT_NAME:-ai-toolkit}';
  return `${HEADER}${body
    .replaceAll('ai-toolkit-mcp-tools', `${project}-mcp-tools`)
    .replaceAll('ai-toolkit-mcp-egress', `${project}-mcp-egress`)}`;
}

function replaced(text: string, pattern: RegExp, by: string): string {
  if (!pattern.test(text)) throw new Error(`compose.override.yml has nothing like ${pattern}`);
  return text.replace(pattern, by);
}
