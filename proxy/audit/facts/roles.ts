/** Which service plays which part: by its name, else by its image, unless the configuration says it. */
import { AUDIT_ROLES, type AuditRole } from '../../config/audit-roles.js';
import type { ComposeFacts, Container, StackService } from './facts.js';

export type RoleOverrides = Readonly<Partial<Record<AuditRole, readonly string[]>>>;

/** Images that play a part wherever they run; a stack's own images are recognised by their names. */
const IMAGES: readonly (readonly [RegExp, AuditRole])[] = [
  [/(?:^|\/)docker\/mcp-gateway$/, 'mcp-gateway'],
  [/(?:^|\/)open-webui\/open-webui$/, 'open-webui'],
  [/(?:^|\/)n8nio\/n8n$/, 'n8n'],
  [/(?:^|\/)ollama\/ollama$/, 'ollama'],
  [/(?:^|\/)comfyui-boot$/, 'comfyui'],
  [/(?:^|\/)qdrant\/qdrant$/, 'qdrant'],
  [/(?:^|\/)mcp-egress-proxy$/, 'egress-proxy'],
];

/** Containers of `project` and services of its compose file, joined by name. */
export function servicesOf(
  compose: ComposeFacts | null,
  containers: readonly Container[],
  overrides: RoleOverrides,
): readonly StackService[] {
  const names = new Set([
    ...(compose?.services ?? []).map(({ name }) => name),
    ...containers.flatMap(({ service }) => (service === null ? [] : [service])),
  ]);
  const unnamed = [...names].map((name) => ({
    name,
    compose: compose?.services.find((service) => service.name === name) ?? null,
    containers: containers
      .filter((container) => container.service === name)
      .sort((a, b) => Number(b.isRunning) - Number(a.isRunning)),
  }));
  return unnamed.map((service) => ({
    ...service,
    roles: new Set(AUDIT_ROLES.filter((role) => plays(service, role, names, overrides[role]))),
  }));
}

type Unnamed = Omit<StackService, 'roles'>;

function plays(
  service: Unnamed,
  role: AuditRole,
  names: ReadonlySet<string>,
  override: readonly string[] | undefined,
): boolean {
  if (override !== undefined) return override.includes(service.name);
  if (role === 'guard') return isGuard(service);
  if (isGuard(service)) return false;
  if (names.has(role)) return service.name === role;
  const image = repositoryOf(service.containers[0]?.image ?? service.compose?.image ?? '');
  const own = service.containers[0]?.project;
  if (image === role || (own && image === `${own}-${role}`)) return true;
  return IMAGES.some(([pattern, its]) => its === role && pattern.test(image));
}

/** The guard and the sidecar are the same image with another command. */
function isGuard({ name, compose }: Unnamed): boolean {
  return /(?:^|[-_])guard$/.test(name) || compose?.command[0] === 'guard';
}

/** Without registry port, tag and digest: `ghcr.io/open-webui/open-webui:v0.8` is ghcr.io/open-webui/open-webui. */
export function repositoryOf(image: string): string {
  return image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}
