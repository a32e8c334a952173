/* The functions that the host answers. Each only files a request or copies bytes; see ../ABI.md. */

#define HG_IMPORT(name) __attribute__((import_module("headgate"), import_name(#name)))

/* Copy the settings JSON to `ptr` (at most `cap` bytes); returns its length, which may exceed cap. */
HG_IMPORT(settings) int32_t import_settings(uint8_t *ptr, uint32_t cap);
/* File a request; the answer comes by resume(). Returns 0, or a negative number when refused. */
HG_IMPORT(fetch) int32_t import_fetch(uint32_t id, const uint8_t *request, uint32_t len,
                                      const uint8_t *body, uint32_t body_len);
HG_IMPORT(cache) int32_t import_cache(uint32_t id, const uint8_t *request, uint32_t len);
/* Copy the bytecode of a library, or of a part of the prelude, to `ptr` if it fits `cap`; returns its length, or a
 * negative number for an unknown name. The name "" asks for the names of all libraries, one a line. */
HG_IMPORT(library) int32_t import_library(const char *name, uint32_t len, uint8_t *ptr, uint32_t cap);
/* Do with public and private keys what `request` (JSON) says, to `data`, at once. Writes at most `cap` bytes: how much
 * fuel that was worth, flags, and the answer. Returns their number, or a negative one. */
HG_IMPORT(keys) int32_t import_keys(const uint8_t *request, uint32_t len, const uint8_t *data, uint32_t data_len,
                                    uint8_t *answer, uint32_t cap);

/* More fuel, or never back: `fuel` is what the engine counts down. Not called in C; the build writes the counting into the
 * engine and makes the export `fuel` the counter (guest/build/meter.py). */
HG_IMPORT(pause) int64_t import_pause(int64_t fuel);
/* What is left of the counter, which is `left` from then on: at most a slice, and only as often as the host has allowed.
 * Below zero: it stays. The build puts this in the place of what is written here. */
no_inline int64_t fuel(int64_t left) { return import_pause(left); }
