// isolated-vm: V8 in separate isolates. These are the fastest ways of its API, found by trial: a callback returns the output
// from a context that stays; for a context that is used once, a second call fetches the output.
import { createRequire } from "node:module";

import { given, serve } from "./serve.mjs";

const ivm = createRequire(`${given.modules}/`)("isolated-vm");

const MEMORY = { memoryLimit: 512 };

const TWO_CALLS = `${given.script}
  let output;
  const keep = (event) => { output = JSON.stringify(event); };
  const drop = (error) => { output = error instanceof DropEvent ? null : String(error); };
  function handle(text) { output = undefined; onTrack(JSON.parse(text), settings).then(keep, drop); }
  function take() { return output; }`;

function inContext(context, text) {
  const handle = context.global.getSync("handle", { reference: true });
  const take = context.global.getSync("take", { reference: true });
  handle.applySync(undefined, [text]);
  const output = take.applySync();
  handle.release();
  take.release();
  return output;
}

await serve({
  warm() {
    const isolate = new ivm.Isolate(MEMORY);
    const context = isolate.createContextSync();
    let output;
    context.global.setSync("give", new ivm.Callback((text) => { output = text; }));
    const script = `${given.script}
      const keep = (event) => { give(JSON.stringify(event)); };
      const drop = (error) => { give(error instanceof DropEvent ? null : String(error)); };
      function handle(text) { onTrack(JSON.parse(text), settings).then(keep, drop); }`;
    isolate.compileScriptSync(script).runSync(context);
    const handle = context.global.getSync("handle", { reference: true });
    const one = (text) => {
      handle.applySync(undefined, [text]);
      return output;
    };
    return (texts) => texts.map(one);
  },
  "fresh context"() {
    const isolate = new ivm.Isolate(MEMORY);
    const script = isolate.compileScriptSync(TWO_CALLS);
    const one = (text) => {
      const context = isolate.createContextSync();
      script.runSync(context);
      const output = inContext(context, text);
      context.release();
      return output;
    };
    return (texts) => texts.map(one);
  },
  "fresh isolate"() {
    const snapshot = ivm.Isolate.createSnapshot([{ code: TWO_CALLS }]);
    const one = (text) => {
      const isolate = new ivm.Isolate({ snapshot });
      const output = inContext(isolate.createContextSync(), text);
      isolate.dispose();
      return output;
    };
    return (texts) => texts.map(one);
  },
});
