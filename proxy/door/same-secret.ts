/** Whether two secrets are equal, in a time that reveals nothing about where they differ. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** Digests have one length, so the comparison takes the same time whatever was sent. An empty text equals nothing. */
export function isSameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b)) && a.length > 0;
}
