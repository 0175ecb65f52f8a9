/**
 * Replaces node:worker_threads for pino, which only asks whether this is the main thread, to write its last lines at exit. None
 * of our threads has a log. The module costs 5 ms of a start and 0.8 MiB, measured on Node 24.
 */
exports.isMainThread = true;
