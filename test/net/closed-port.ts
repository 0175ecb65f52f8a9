/**
 * A port on which nothing listens, and nothing will: no program takes it (tcpmux), and the kernel gives it to nobody. One that was
 * open a moment ago can be another test's by now.
 */
export const CLOSED_PORT = 1;
