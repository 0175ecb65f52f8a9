/** `npm run firewall:script`: writes the generated part of docker/host/ssrf-egress-block.sh again. */
import { readFileSync, writeFileSync } from 'node:fs';
import { withGeneratedRules } from '../proxy/firewall/host-script.js';

const script = new URL('../../docker/host/ssrf-egress-block.sh', import.meta.url);
writeFileSync(script, withGeneratedRules(readFileSync(script, 'utf8')));
