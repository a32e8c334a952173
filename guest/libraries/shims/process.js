// `process` and `require("process")` of a bundled package. Functions see none (SPEC 2.7); packages ask it for little
// more than the next turn and settings of an environment, which is empty here.

const soon = globalThis.queueMicrotask;
const clock = globalThis.performance;
const { log, warn } = globalThis.console;

function hrtime(since) {
  const now = clock.now();
  const time = [Math.floor(now / 1e3), Math.floor((now % 1e3) * 1e6)];
  if (since === undefined) return time;
  const nanoseconds = (time[0] - since[0]) * 1e9 + time[1] - since[1];
  return [Math.floor(nanoseconds / 1e9), nanoseconds % 1e9];
}
hrtime.bigint = () => BigInt(Math.floor(clock.now() * 1e6));

const stream = (write) => ({ isTTY: false, write: (text) => (write(String(text).replace(/\n$/, "")), true) });

/** There are no signals and no exits to hear of. */
function hearNothing() {
  return this;
}

module.exports = Object.assign(Object.create({ listenerCount: () => 0, listeners: () => [], emit: () => false }), {
  // How axios finds out that this is Node.
  [Symbol.toStringTag]: "process",
  env: {},
  argv: [],
  execArgv: [],
  pid: 1,
  platform: "linux",
  arch: "wasm32",
  version: "v20.0.0",
  versions: { node: "20.0.0" },
  release: { name: "node" },
  stdout: stream(log),
  stderr: stream(warn),
  hrtime,
  nextTick: (callback, ...values) => soon(() => callback(...values)),
  cwd: () => "/",
  uptime: () => clock.now() / 1e3,
  memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0 }),
  emitWarning: (warning) => warn(String(warning)),
  exit: () => {
    throw new Error("a function cannot end its process");
  },
  on: hearNothing,
  once: hearNothing,
  off: hearNothing,
  addListener: hearNothing,
  removeListener: hearNothing,
  removeAllListeners: hearNothing,
});
