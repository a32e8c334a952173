// Internal, no global of any function: TypeScript to JavaScript, for headgate_runtime.typescript. sucrase takes types
// out of the text and leaves every line where it was; what else JavaScript says of the text is the engine's to find.

import { transform } from "sucrase";

const OPTIONS = {
  transforms: ["typescript"],
  disableESTransforms: true, // the engine knows them all
  keepUnusedImports: true, // only `import type` is erased: any other is an error, used or not
};

/** `{ code }`, or `{ message, line, column }` for text that is no TypeScript. */
export default function strip(source) {
  try {
    return { code: transform(source, OPTIONS).code };
  } catch (error) {
    if (!error.loc) throw error;
    const { line, column } = error.loc;
    return { message: error.message.replace(/^Error transforming .*?: /, "").replace(/ \(\d+:\d+\)$/, ""), line, column };
  }
}
