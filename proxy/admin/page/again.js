/**
 * Loads the page again if one of its scripts did not arrive: browsers drop what they are loading when a network interface comes
 * or goes, and a tool's container brings one. No module: it must not depend on what may be missing.
 */
const AGAIN_MS = 2000;

addEventListener(
  'error',
  ({ target }) => {
    if (target instanceof HTMLScriptElement) setTimeout(() => location.reload(), AGAIN_MS);
  },
  true,
);
