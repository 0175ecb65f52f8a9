/**
 * Replaces node:http2 in the bundle. Fastify and undici load it at once, for 20 ms and 7 MiB, but use it only on request, which
 * nobody makes here. undici itself uses such a substitute if Node was built without HTTP/2.
 */
module.exports = { constants: {} };
