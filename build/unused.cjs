/**
 * What the bundle takes for parts of packages that are loaded at their start and never used here: bundle.mjs lists them, and
 * why. Whoever does use one of them fails at once, in every test of the bundle.
 */
module.exports = {};
