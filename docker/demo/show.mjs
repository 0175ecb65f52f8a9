// The demo: asks the gateway for tools, as a chat UI would, and prints what they could reach.
const tries = [
  ['a public site over HTTP', ['http://site.demo.test/']],
  ['a public site over HTTPS', ['https://site.demo.test/']],
  ['n8n, which the policy allows', ['http://n8n:5678/']],
  ['ops-controller, which it does not', ['http://ops-controller:9000/']],
  ['cloud metadata', ['http://169.254.169.254/latest/meta-data/']],
  ['the public site, past the proxy', ['--noproxy', '*', 'http://45.45.45.45/']],
];

for (const [what, args] of tries) console.log(`${what}\n  curl ${args.join(' ')}\n  ${await outcome(args)}`);

async function outcome(args) {
  const { exitCode, stdout } = await callTool('fetch', ['-w', '\n%{http_code}', ...args]);
  if (exitCode !== 0) return `no way: curl ended with ${exitCode}`;
  const end = stdout.lastIndexOf('\n');
  const [body, status] = [stdout.slice(0, end).trim(), stdout.slice(end + 1)];
  return status === '200' ? `200 ${body}` : `${status} ${JSON.parse(body).error}: ${JSON.parse(body).reason}`;
}

async function callTool(server, args) {
  const body = JSON.stringify({ server, arguments: args });
  // The gateway may still be starting.
  for (let tries = 0; ; tries++) {
    try {
      const response = await fetch('http://mcp-gateway:8811/call', { method: 'POST', body });
      return await response.json();
    } catch (error) {
      if (tries === 60) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
