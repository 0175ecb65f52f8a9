/** A source that cannot be used, in words for the person who named it. Its message never quotes what was read. */
export class AuditError extends Error {
  override readonly name = 'AuditError';
}
