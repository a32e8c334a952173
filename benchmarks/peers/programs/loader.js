// A fresh isolate of workerd for every request, by its Worker Loader: one without a name is nobody else's.
import worker from "worker";
import settings from "settings";

const code = {
  compatibilityDate: "2026-01-01",
  mainModule: "worker.js",
  modules: { "worker.js": worker, settings: { json: settings } },
  globalOutbound: null,
};

export default {
  fetch: (request, env) => env.LOADER.get(null, () => code).getEntrypoint().fetch(request),
};
