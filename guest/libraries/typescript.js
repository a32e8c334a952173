// Internal, no global of any function: TypeScript to JavaScript, for headgate_runtime.typescript. sucrase takes types
// out of the text and leaves every line where it was; what else JavaScript says of the text is the engine's to find.

import { transform } from "sucrase";

const OPTIONS = {
  transforms: ["typescript"],
  disableESTransforms: true, // the engine knows them all
  keepUnusedImports: true, // only `import type` is erased: any other is an error, used or not
};

const NAMESPACE = /^(?:export +)?(?:namespace|module) +[\w$.]+ *\{/;

/** `{ code }`, or `{ message, line, column }` for text that is no TypeScript. */
export default function strip(source) {
  let code;
  try {
    code = transform(source, OPTIONS).code;
  } catch (error) {
    if (!error.loc) throw error;
    return { message: error.message.replace(/ \(\d+:\d+\)$/, ""), line: error.loc.line, column: error.loc.column };
  }
  return namespace(source, code) ?? { code };
}

/** The first namespace of *source* that is not in *code*: sucrase erases the code in them, too, without a word. */
function namespace(source, code) {
  if (!/^(?:export +)?(?:namespace|module) /m.test(source)) return undefined;
  const before = source.split("\n");
  const after = code.split("\n");
  const row = before.findIndex((line, i) => NAMESPACE.test(line) && !NAMESPACE.test(after[i]));
  if (row < 0) return undefined;
  const message = "a namespace is not supported; `declare namespace` is, for types alone";
  return { message, line: row + 1, column: 1 };
}
