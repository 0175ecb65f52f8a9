/**
 * What the bundle takes for node:http2. undici and Fastify load it at their start and use it only where they are asked to,
 * which they are not: 20 ms and 7 MiB. undici itself goes on with this where Node was built without HTTP/2.
 */
module.exports = { constants: {} };
