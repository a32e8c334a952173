// `require("os")` of a bundled package, which puts the answers into a User-Agent.
module.exports = {
  EOL: "\n",
  platform: () => "linux",
  type: () => "Linux",
  release: () => "0",
  arch: () => "wasm32",
  hostname: () => "localhost",
  homedir: () => "/",
  tmpdir: () => "/tmp",
  userInfo: () => ({ username: "function" }),
  cpus: () => [],
  networkInterfaces: () => ({}),
};
