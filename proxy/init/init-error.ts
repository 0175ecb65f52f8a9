/** A problem with the folder that only its owner can solve, in words for the owner. */
export class InitError extends Error {}
