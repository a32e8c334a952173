/* The functions of the host, which only file requests or copy bytes (../ABI.md). */

#define HG_IMPORT(name) __attribute__((import_module("headgate"), import_name(#name)))

/* Copy the settings JSON to `ptr` if it fits `cap` bytes; returns its length. */
HG_IMPORT(settings) int32_t import_settings(uint8_t *ptr, uint32_t cap);
/* File a request, which resume() answers later. Returns 0, or a negative number when refused. */
HG_IMPORT(fetch) int32_t import_fetch(uint32_t id, const uint8_t *request, uint32_t len,
                                      const uint8_t *body, uint32_t body_len);
HG_IMPORT(cache) int32_t import_cache(uint32_t id, const uint8_t *request, uint32_t len);
/* Copy the bytecode of a library or a part of the prelude to `ptr` if it fits `cap` bytes; returns its length, or a negative
 * number for an unknown name. The name "" gives the names of all libraries, one per line. */
HG_IMPORT(library) int32_t import_library(const char *name, uint32_t len, uint8_t *ptr, uint32_t cap);
/* Perform the operation `request` (JSON) with public or private keys on `data`, synchronously. Writes at most `cap` bytes:
 * the cost in fuel, flags, and the answer. Returns their number, or a negative number. */
HG_IMPORT(keys) int32_t import_keys(const uint8_t *request, uint32_t len, const uint8_t *data, uint32_t data_len,
                                    uint8_t *answer, uint32_t cap);

/* Get more fuel, or do not return: `fuel` is the current counter. C does not call this; the build inserts the counting into
 * the engine and turns the export `fuel` into the counter (guest/build/meter.py). */
HG_IMPORT(pause) int64_t import_pause(int64_t fuel);
/* Return the counter and set it to `left`, at most a slice and only as often as the host allows; a negative `left` does not
 * set it. The build replaces this body. */
no_inline int64_t fuel(int64_t left) { return import_pause(left); }
