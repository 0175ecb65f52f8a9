/** pino-roll 4 ships no types; this is the part of it that is used. */
declare module 'pino-roll' {
  import type { SonicBoom, SonicBoomOpts } from 'sonic-boom';

  interface RollOptions extends Omit<SonicBoomOpts, 'dest' | 'fd'> {
    readonly file: string;
    /** A number and a unit: b, k, m or g. */
    readonly size: string;
    readonly limit: { readonly count: number; readonly removeOtherLogFiles: boolean };
  }

  export default function roll(
    options: RollOptions,
  ): Promise<SonicBoom & { readonly file: string; readonly destroyed: boolean }>;
}
