/**
 * Replaces parts of packages that are loaded at once but never used here; bundle.mjs lists them with the reasons. Any use of
 * one fails at once, in every test of the bundle.
 */
module.exports = {};
