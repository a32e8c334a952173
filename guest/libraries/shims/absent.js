// What a sandbox does not have: files, sockets, processes, threads. A package may load such a module and look at
// what it exports; to use it is an error that says so.

function refuse(name) {
  return function () {
    throw new Error(`${name}: functions have no files, sockets, processes or threads`);
  };
}

const known = { existsSync: () => false, isatty: () => false, isMaster: true, isPrimary: true };

module.exports = new Proxy(known, {
  get(_, name) {
    if (typeof name === "symbol" || name === "__esModule" || name === "default") return undefined;
    return Object.hasOwn(known, name) ? known[name] : (known[name] = refuse(name));
  },
});
