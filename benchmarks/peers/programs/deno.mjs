// A Deno worker without permissions, which receives events and returns results as messages. Many messages in flight cost
// less each, since one wake-up of a thread serves several.
import { given, serve } from "./serve.mjs";

const AT_ONCE = 64;

const OPTIONS = { type: "module", deno: { permissions: "none" } };

const SCRIPT = `${given.script}
  const keep = (event) => { postMessage(JSON.stringify(event)); };
  const drop = (error) => { postMessage(error instanceof DropEvent ? null : String(error)); };
  onmessage = (message) => { onTrack(JSON.parse(message.data), settings).then(keep, drop); };`;

const url = URL.createObjectURL(new Blob([SCRIPT], { type: "text/javascript" }));

function poured(worker, texts) {
  return new Promise((resolve, reject) => {
    const outputs = [];
    let sent = 0;
    worker.onerror = (event) => reject(event.error ?? new Error(event.message));
    worker.onmessage = (message) => {
      outputs.push(message.data);
      if (sent < texts.length) worker.postMessage(texts[sent++]);
      else if (outputs.length === texts.length) resolve(outputs);
    };
    while (sent < Math.min(AT_ONCE, texts.length)) worker.postMessage(texts[sent++]);
  });
}

await serve({
  warm() {
    const worker = new Worker(url, OPTIONS);
    return (texts) => poured(worker, texts);
  },
  fresh() {
    return async (texts) => {
      const outputs = [];
      for (const text of texts) {
        const worker = new Worker(url, OPTIONS);
        outputs.push(...(await poured(worker, [text])));
        worker.terminate();
      }
      return outputs;
    };
  },
});
