/**
 * What the bundle takes for @opentelemetry/resources. Of the packages that import it only enumerations and serializers are
 * used, and its detectors would be left as files that start programs to learn about the machine.
 */
module.exports = {};
