/* A growing byte buffer on the heap. After a failed append, `failed` or `full` stays set and further appends do nothing. */

typedef struct Bytes {
    uint8_t *data;
    uint32_t len, size, max; /* appends beyond `max` fail */
    bool failed;             /* out of memory */
    bool full;               /* an append exceeded `max` */
} Bytes;

static no_inline bool bytes_grow(Bytes *b, uint32_t need)
{
    if (b->failed || b->full)
        return false;
    if (need > b->max - b->len) {
        b->full = true;
        return false;
    }
    uint32_t size = b->size ? b->size : 1024;
    while (size - b->len < need + 16) /* 16: vector copies may write past the end */
        size = size < 0x40000000 ? size * 2 : 0x7ffe0000;
    uint8_t *data = heap_realloc(NULL, b->data, size);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->size = size;
    return true;
}

static inline bool bytes_room(Bytes *b, uint32_t need)
{
    return likely(b->size - b->len >= need + 16 && need <= b->max - b->len) || bytes_grow(b, need);
}

static inline void bytes_put(Bytes *b, uint8_t c)
{
    if (bytes_room(b, 1))
        b->data[b->len++] = c;
}

static inline void bytes_append(Bytes *b, const void *p, uint32_t len)
{
    if (!bytes_room(b, len))
        return;
    memcpy(b->data + b->len, p, len);
    b->len += len;
}

static void bytes_text(Bytes *b, const char *s) { bytes_append(b, s, strlen(s)); }

static void bytes_u32(Bytes *b, uint32_t v) { bytes_append(b, &v, 4); }
