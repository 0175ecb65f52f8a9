/** What sonic-boom gets for node:assert: the function, loaded when it is called, which is when a log is closed. */
module.exports = (...given) => process.getBuiltinModule('node:assert')(...given);
