/** The parts of a stack that the audit knows, whatever their services are called. */
export const AUDIT_ROLES = [
  'mcp-gateway',
  'ops-controller',
  'dashboard',
  'model-gateway',
  'open-webui',
  'n8n',
  'ollama',
  'comfyui',
  'qdrant',
  'openclaw-gateway',
  'egress-proxy',
  'guard',
] as const;

export type AuditRole = (typeof AUDIT_ROLES)[number];
