/*
 * memcpy, memmove, memset and memcmp, in steps of 16 bytes and a rest of 8, 4, 2 and 1, since most copies are shorter than
 * 16 bytes. The engine is built without bulk memory instructions, which wasmtime implements as a call into the host; that
 * costs more than most copies (a twentieth of every workload, measured).
 */

#define MEMORY_PLAIN __attribute__((used, no_builtin("memcpy", "memmove", "memset", "memcmp")))

/* Unaligned words that may alias any type. */
typedef uint64_t __attribute__((aligned(1), may_alias)) Eight;
typedef uint32_t __attribute__((aligned(1), may_alias)) Four;
typedef uint16_t __attribute__((aligned(1), may_alias)) Two;

/* Copy from the lowest address up; also correct for overlapping ranges if `d` is the lower one. */
static inline void memory_ascend(uint8_t *d, const uint8_t *s, size_t n)
{
    for (; n >= 16; n -= 16, d += 16, s += 16)
        wasm_v128_store(d, wasm_v128_load(s));
    if (n & 8) {
        *(Eight *)d = *(const Eight *)s;
        d += 8, s += 8;
    }
    if (n & 4) {
        *(Four *)d = *(const Four *)s;
        d += 4, s += 4;
    }
    if (n & 2) {
        *(Two *)d = *(const Two *)s;
        d += 2, s += 2;
    }
    if (n & 1)
        *d = *s;
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
    uint64_t eight = wasm_u64x2_extract_lane(sixteen, 0);
    if (n & 8) {
        *(Eight *)d = eight;
        d += 8;
    }
    if (n & 4) {
        *(Four *)d = eight;
        d += 4;
    }
    if (n & 2) {
        *(Two *)d = eight;
        d += 2;
    }
    if (n & 1)
        *d = eight;
    return to;
}

/* The difference of the first bytes in which two words differ. */
static inline int memory_difference(uint64_t a, uint64_t b)
{
    int shift = __builtin_ctzll(a ^ b) & ~7;
    return (int)(a >> shift & 0xff) - (int)(b >> shift & 0xff);
}

MEMORY_PLAIN int memcmp(const void *left, const void *right, size_t n)
{
    const uint8_t *a = left, *b = right;
    for (; n >= 8; n -= 8, a += 8, b += 8)
        if (*(const Eight *)a != *(const Eight *)b)
            return memory_difference(*(const Eight *)a, *(const Eight *)b);
    if (n & 4) {
        if (*(const Four *)a != *(const Four *)b)
            return memory_difference(*(const Four *)a, *(const Four *)b);
        a += 4, b += 4;
    }
    if (n & 2) {
        if (*(const Two *)a != *(const Two *)b)
            return memory_difference(*(const Two *)a, *(const Two *)b);
        a += 2, b += 2;
    }
    return n & 1 ? *a - *b : 0;
}
