// The demo: asks the gateway for tools, as a chat UI would, and prints what they could reach.
const tries = [
  ['a public site over HTTP', 'http://site.demo.test/'],
  ['a public site over HTTPS', 'https://site.demo.test/'],
  ['n8n, which the policy allows', 'http://n8n:5678/'],
  ['ops-controller, which it does not', 'http://ops-controller:9000/'],
  ['cloud metadata', 'http://169.254.169.254/latest/meta-data/'],
];

for (const [what, url] of tries) {
  const { exitCode, stdout, stderr } = await callTool('fetch', ['-w', '\n%{http_code}', url]);
  const [body, status] = split(stdout);
  console.log(`${what}\n  ${url}\n  ${status} ${status === '200' ? body.trim() : refusal(body, stderr, exitCode)}`);
}
const direct = await callTool('fetch', ['--noproxy', '*', 'http://45.45.45.45/']);
console.log('the public site, past the proxy\n  http://45.45.45.45/');
console.log(`  ${direct.exitCode === 0 ? `REACHED: ${direct.stdout}` : direct.stderr.trim()}`);

async function callTool(server, args) {
  const response = await fetch('http://mcp-gateway:8811/call', {
    method: 'POST',
    body: JSON.stringify({ server, arguments: args }),
  });
  return response.json();
}

function split(stdout) {
  const end = stdout.lastIndexOf('\n');
  return [stdout.slice(0, end), stdout.slice(end + 1)];
}

function refusal(body, stderr, exitCode) {
  try {
    const { reason, explanation } = JSON.parse(body);
    return `${reason}: ${explanation}`;
  } catch {
    return `curl ended with ${exitCode}: ${stderr.trim()}`;
  }
}
