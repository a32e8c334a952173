// Bounds the prelude keeps by itself. The host's limits (fuel, memory, log bytes) hold regardless.

/** Entries of `cache` per sandbox; the one used longest ago leaves first (SPEC 4.6). */
export const CACHE_ENTRIES_MAX = 1000;

/** Entries of the performance timeline; the oldest leaves first. */
export const PERFORMANCE_ENTRIES_MAX = 1000;

/** UTF-16 units kept of an error's message, and of its stack, when an outcome is described. */
export const MESSAGE_CHARS_MAX = 8192;
export const STACK_CHARS_MAX = 16384;

/** UTF-16 units of name, message and stack together: at six bytes each as JSON, what an outcome has room for. */
export const DETAIL_CHARS_MAX = 20000;
export const NAME_CHARS_MAX = 256;

/** UTF-16 units that one formatted value may reach before nested parts are only named. */
export const INSPECT_CHARS_MAX = 128 * 1024;

/** Prototypes walked when looking for a predefined error class; a proxy can invent them for ever. */
export const PROTOTYPE_DEPTH_MAX = 1000;
