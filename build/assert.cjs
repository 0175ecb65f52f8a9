/** Replaces node:assert for sonic-boom: the function, which is loaded when it is called, at the end of a log. */
module.exports = (...given) => process.getBuiltinModule('node:assert')(...given);
