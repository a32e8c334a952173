/* The functions that the host answers. Each only files a request or copies bytes; see ../ABI.md. */

#define HG_IMPORT(name) __attribute__((import_module("headgate"), import_name(#name)))

/* Copy the settings JSON to `ptr` (at most `cap` bytes); returns its length, which may exceed cap. */
HG_IMPORT(settings) int32_t import_settings(uint8_t *ptr, uint32_t cap);
/* File a request; the answer comes by resume(). Returns 0, or a negative number when refused. */
HG_IMPORT(fetch) int32_t import_fetch(uint32_t id, const uint8_t *request, uint32_t len,
                                      const uint8_t *body, uint32_t body_len);
HG_IMPORT(cache) int32_t import_cache(uint32_t id, const uint8_t *request, uint32_t len);
