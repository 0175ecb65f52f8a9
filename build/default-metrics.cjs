/**
 * Replaces prom-client's metrics of the process by the same, loaded when they are first collected, behind the opening of the
 * doors: they load node:perf_hooks and a dozen files.
 */
module.exports = (options) => require('prom-client/lib/defaultMetrics')(options);
