/**
 * What pino gets for node:worker_threads, of which it asks one thing: whether its last lines are to be written when the
 * process ends. No thread of ours has a log. The module costs 5 ms of a start and 0.8 MiB, measured on Node 24.
 */
exports.isMainThread = true;
