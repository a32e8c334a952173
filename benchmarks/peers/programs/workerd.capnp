# Lies in a folder with worker.js (of the function that is measured), loader.js and settings.json.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [ (name = "warm", worker = .stays), (name = "fresh isolate", worker = .loads) ],
  sockets = [
    (name = "warm", address = "127.0.0.1:0", http = (), service = "warm"),
    (name = "fresh isolate", address = "127.0.0.1:0", http = (), service = "fresh isolate"),
  ],
);

const stays :Workerd.Worker = (
  modules = [ (name = "worker.js", esModule = embed "worker.js"), (name = "settings", json = embed "settings.json") ],
  compatibilityDate = "2026-01-01",
);

const loads :Workerd.Worker = (
  modules = [
    (name = "loader.js", esModule = embed "loader.js"),
    (name = "worker", text = embed "worker.js"),
    (name = "settings", json = embed "settings.json"),
  ],
  compatibilityDate = "2026-01-01",
  bindings = [ (name = "LOADER", workerLoader = (id = "functions")) ],
);
