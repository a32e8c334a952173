/*
 * memcpy and its like, sixteen bytes at a time. The engine is built without bulk memory instructions: wasmtime
 * carries them out by a call into the host, which costs more than most of what a function copies (a twentieth of
 * every workload, measured).
 */

#define MEMORY_PLAIN __attribute__((used, no_builtin("memcpy", "memmove", "memset")))

/* From the first byte up; right for overlapping ranges too when `d` is the lower one. */
static inline void memory_ascend(uint8_t *d, const uint8_t *s, size_t n)
{
    for (; n >= 16; n -= 16, d += 16, s += 16)
        wasm_v128_store(d, wasm_v128_load(s));
    while (n--)
        *d++ = *s++;
}

MEMORY_PLAIN void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    memory_ascend(to, from, n);
    return to;
}

MEMORY_PLAIN void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if (d <= s || d >= s + n) {
        memory_ascend(d, s, n);
        return to;
    }
    for (d += n, s += n; n >= 16; n -= 16) {
        d -= 16, s -= 16;
        wasm_v128_store(d, wasm_v128_load(s));
    }
    while (n--)
        *--d = *--s;
    return to;
}

MEMORY_PLAIN void *memset(void *to, int value, size_t n)
{
    uint8_t *d = to;
    v128_t sixteen = wasm_i8x16_splat(value);
    for (; n >= 16; n -= 16, d += 16)
        wasm_v128_store(d, sixteen);
    while (n--)
        *d++ = value;
    return to;
}
