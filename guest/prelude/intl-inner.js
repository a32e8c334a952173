// What FormatJS's modules find as `Intl`: never the object that user code may change. The build puts it there
// (build/bundles.py); intl-numbers.js and intl-texts.js fill it.

export const Intl = { __proto__: null };
