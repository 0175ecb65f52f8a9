/** The command that provides each source, for the person whose audit has skipped checks. */
import type { Source } from './facts.js';

export const AUDIT_SOURCES: Readonly<Record<Source, string>> = {
  docker: 'docker inspect $(docker ps -aq) $(docker network ls -q) | egress-proxy audit --inspect -',
  compose: "docker compose --profile '*' config --format json | egress-proxy audit --compose -",
  env: 'egress-proxy audit --env .env',
  data: 'egress-proxy audit --data data',
  policy: 'egress-proxy audit --config policy.yaml',
  'host-rules': 'sudo iptables-save | egress-proxy audit --host-rules -',
  state: 'egress-proxy audit --state audit-state.json',
};
