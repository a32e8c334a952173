// node componentize.mjs NODE_MODULES WORKLOAD OUT: a component of QuickJS for each function of the workload.
//
// Its only export takes an event as JSON text and returns the result as JSON text, or nothing for a dropped event.
// wasmtime-py cannot call asynchronous exports, and without those the runtime runs no promise jobs. So `async` is removed
// from the functions, which never await anything; that can only make them faster.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, workload, out, ...names] = process.argv.slice(2);
const { componentize } = createRequire(join(modules, "/"))("componentize-qjs");
const read = (name) => readFileSync(join(workload, name), "utf8");

const WIT = `package headgate:peer;

world peer {
  export handle: func(event: string) -> option<string>;
}
`;

const witPath = join(out, "peer.wit");
writeFileSync(witPath, WIT);
for (const name of names) {
  const jsSource = `
    class DropEvent extends Error {}
    ${read(`${name}.js`).replace("async function onTrack", "function onTrack")}
    const settings = ${read("settings.json")};
    export function handle(event) {
      try {
        return JSON.stringify(onTrack(JSON.parse(event), settings));
      } catch (error) {
        if (error instanceof DropEvent) return null;
        throw error;
      }
    }`;
  const { component } = await componentize({ witPath, jsSource, stubWasi: true, sync: true });
  writeFileSync(join(out, `${name}.wasm`), component);
}
