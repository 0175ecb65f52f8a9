/** Something about the folder that only its owner can put right, in words for the owner. */
export class InitError extends Error {}
