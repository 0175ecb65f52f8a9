/** How much and how long: the full measure of the requirement, less of it where the environment says so. */

export interface SoakSettings {
  readonly seconds: number;
  readonly tunnels: number;
  /** Why there are fewer tunnels than asked for, or null. */
  readonly limited: string | null;
  /** Connections of attackers per second. */
  readonly rate: number;
  readonly deadQueries: number;
  /** How many times slower than a usual machine this one is: deadlines are that many times longer, attackers fewer. */
  readonly slowness: number;
}

/** What a process needs beside the two files of each tunnel. */
const OTHER_FILES = 200;

/**
 * `SOAK_SECONDS` (30), `SOAK_TUNNELS` (10000, in proportion where the time is shorter), `SOAK_RATE` (2000), and
 * `SOAK_SLOWNESS` (1) for a machine that is emulated.
 * `filesLimit`: what this machine lets one process open; a smaller one lets it hold fewer tunnels.
 */
export function soakSettings(env: NodeJS.ProcessEnv, filesLimit: number): SoakSettings {
  const seconds = positive(env.SOAK_SECONDS, 30);
  const wanted = positive(env.SOAK_TUNNELS, Math.min(10_000, Math.ceil((10_000 * seconds) / 30)));
  const tunnels = Math.min(wanted, Math.floor((filesLimit - OTHER_FILES) / 2));
  const limited =
    tunnels < wanted ? `${tunnels} tunnels instead of ${wanted}: a process may open ${filesLimit} files here` : null;
  const slowness = positive(env.SOAK_SLOWNESS, 1);
  return { seconds, tunnels, limited, rate: positive(env.SOAK_RATE, 2000 / slowness), deadQueries: 200, slowness };
}

function positive(text: string | undefined, otherwise: number): number {
  const value = Number(text ?? otherwise);
  if (!(value > 0)) throw new Error(`${text} is no positive number`);
  return value;
}
