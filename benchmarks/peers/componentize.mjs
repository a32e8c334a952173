// node componentize.mjs NODE_MODULES WORKLOAD OUT: a component of QuickJS for each function of the workload.
//
// Its one export takes an event as JSON text and gives the result as JSON text, or nothing for an event that is dropped.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, workload, out] = process.argv.slice(2);
const { componentize } = createRequire(join(modules, "/"))("componentize-qjs");
const read = (name) => readFileSync(join(workload, name), "utf8");

const WIT = `package headgate:peer;

world peer {
  export handle: async func(event: string) -> option<string>;
}
`;

const witPath = join(out, "peer.wit");
writeFileSync(witPath, WIT);
for (const name of ["f1", "f2", "f3", "f4"]) {
  const jsSource = `
    class DropEvent extends Error {}
    ${read(`${name}.js`)}
    const settings = ${read("settings.json")};
    export async function handle(event) {
      try {
        return JSON.stringify(await onTrack(JSON.parse(event), settings));
      } catch (error) {
        if (error instanceof DropEvent) return null;
        throw error;
      }
    }`;
  const { component } = await componentize({ witPath, jsSource, stubWasi: true });
  writeFileSync(join(out, `${name}.wasm`), component);
}
