/*
 * Scans JSON text in one pass: validates it, finds the end of a value, and decides whether the text is CANONICAL, that is,
 * exactly what JSON.stringify would print. Canonical text of values that are never read is copied to the output unchanged.
 * In doubtful cases the text counts as not canonical, which costs time but does not change the output.
 *
 * The text must be followed by a NUL and 16 readable bytes.
 */

#define SCAN_DEPTH_MAX 2000 /* deepest nesting of an event; deeper input is rejected (HG_BAD_INPUT) */
#define SCAN_KEYS_MAX 64    /* keys of open objects that are checked for duplicates; with more, not canonical */

enum { SCAN_CANONICAL = 1, SCAN_ASCII = 2, SCAN_PLAIN = 4 /* string without escapes */ };

static const char *scan_error; /* why the last scan failed */
static const char scan_too_deep[] = "nested too deeply";

static bool scan_utf8(const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        uint8_t c = *p++;
        int more;
        uint32_t code, least;
        if (c < 0x80)
            continue;
        if ((c & 0xe0) == 0xc0)
            more = 1, code = c & 0x1f, least = 0x80;
        else if ((c & 0xf0) == 0xe0)
            more = 2, code = c & 0x0f, least = 0x800;
        else if ((c & 0xf8) == 0xf0)
            more = 3, code = c & 0x07, least = 0x10000;
        else
            return false;
        while (more--) {
            if (p == end || (*p & 0xc0) != 0x80)
                return false;
            code = code << 6 | (*p++ & 0x3f);
        }
        if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
    }
    return true;
}

static inline bool scan_is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Scan a string; `p` is behind the opening quote. Returns the closing quote, or NULL with scan_error set. */
static const uint8_t *scan_string(const uint8_t *p, int *flags)
{
    const uint8_t *start = p;
    uint32_t high = 0;
    int found = SCAN_CANONICAL | SCAN_ASCII | SCAN_PLAIN;
    for (;;) {
        v128_t chunk = wasm_v128_load(p);
        v128_t stop = wasm_v128_or(wasm_v128_or(wasm_i8x16_eq(chunk, wasm_i8x16_splat('"')),
                                                wasm_i8x16_eq(chunk, wasm_i8x16_splat('\\'))),
                                   wasm_u8x16_lt(chunk, wasm_i8x16_splat(0x20)));
        uint32_t mask = wasm_i8x16_bitmask(stop);
        uint32_t wide = wasm_i8x16_bitmask(chunk);
        if (!mask) {
            high |= wide;
            p += 16;
            continue;
        }
        int at = __builtin_ctz(mask);
        high |= wide & ((1u << at) - 1);
        p += at;
        if (*p == '"')
            break;
        if (*p != '\\') {
            scan_error = "control character or end of input in a string";
            return NULL;
        }
        found &= ~SCAN_PLAIN;
        switch (p[1]) {
        case '"': case '\\': case 'b': case 'f': case 'n': case 'r': case 't':
            p += 2;
            break;
        case '/':
            found &= ~SCAN_CANONICAL;
            p += 2;
            break;
        case 'u':
            found &= ~SCAN_CANONICAL;
            if (!scan_is_hex(p[2]) || !scan_is_hex(p[3]) || !scan_is_hex(p[4]) || !scan_is_hex(p[5])) {
                scan_error = "bad unicode escape";
                return NULL;
            }
            p += 6;
            break;
        default:
            scan_error = "bad escape in a string";
            return NULL;
        }
    }
    if (high) {
        found &= ~SCAN_ASCII;
        if (!scan_utf8(start, p)) {
            scan_error = "invalid UTF-8 in a string";
            return NULL;
        }
    }
    *flags = found;
    return p;
}

static const uint8_t *scan_number(const uint8_t *p, int *flags)
{
    bool negative = *p == '-', canonical = true;
    p += negative;
    const uint8_t *whole = p;
    int decimals = 0;

    if (!is_digit(*p))
        goto fail;
    if (*p == '0' && is_digit(p[1]))
        goto fail;
    while (is_digit(*p))
        p++;
    int count = p - whole;
    if (*p == '.') {
        const uint8_t *fraction = ++p;
        if (!is_digit(*p))
            goto fail;
        while (is_digit(*p))
            p++;
        decimals = p - fraction;
        canonical = p[-1] != '0' && count + decimals <= NUMBER_DIGITS_EXACT;
        if (*whole == '0' && decimals > 6 && !memcmp(fraction, "000000", 6))
            canonical = false; /* printed with an exponent */
    } else if (count > NUMBER_DIGITS_EXACT || (negative && *whole == '0')) {
        canonical = false;
    }
    if (*p == 'e' || *p == 'E') {
        canonical = false;
        p++;
        if (*p == '+' || *p == '-')
            p++;
        if (!is_digit(*p))
            goto fail;
        while (is_digit(*p))
            p++;
    }
    *flags = canonical ? SCAN_CANONICAL : 0;
    return p;
fail:
    scan_error = "bad number";
    return NULL;
}

static inline const uint8_t *scan_space(const uint8_t *p)
{
    if (likely(*p > ' '))
        return p;
    while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')
        p++;
    return p;
}

/* Keys of the open objects, outermost first, to detect duplicates. */
typedef struct ScanKeys {
    int count;
    struct {
        uint64_t signature;
        const uint8_t *p;
        uint32_t len;
    } key[SCAN_KEYS_MAX];
} ScanKeys;

static inline uint64_t scan_signature(const uint8_t *p, uint32_t len)
{
    uint64_t head;
    memcpy(&head, p, 8); /* readable: the text is padded */
    if (len < 8)
        head &= ((uint64_t)1 << (len * 8)) - 1;
    return head ^ (uint64_t)len << 56;
}

/* False when the object, whose keys start at `base`, is not canonical because of this key: it is a duplicate, or may be one,
 * or may be an integer, which would be printed in another order. */
static bool scan_key_is_new(ScanKeys *keys, int base, const uint8_t *p, uint32_t len)
{
    if (is_digit(*p) || keys->count == SCAN_KEYS_MAX)
        return false;
    uint64_t signature = scan_signature(p, len);
    for (int i = base; i < keys->count; i++)
        if (keys->key[i].signature == signature && keys->key[i].len == len &&
            !memcmp(keys->key[i].p, p, len))
            return false;
    keys->key[keys->count].signature = signature;
    keys->key[keys->count].p = p;
    keys->key[keys->count++].len = len;
    return true;
}

static const uint8_t *scan_literal(const uint8_t *p, const char *word, int len, int *flags)
{
    if (memcmp(p, word, len)) {
        scan_error = "unexpected character";
        return NULL;
    }
    *flags = SCAN_CANONICAL;
    return p + len;
}

/* Scan a string, number or literal. */
static inline const uint8_t *scan_scalar(const uint8_t *p, int *flags)
{
    switch (*p) {
    case '"':
        p = scan_string(p + 1, flags);
        return p ? p + 1 : NULL;
    case 't':
        return scan_literal(p, "true", 4, flags);
    case 'f':
        return scan_literal(p, "false", 5, flags);
    case 'n':
        return scan_literal(p, "null", 4, flags);
    case 0:
        scan_error = "unexpected end of input";
        return NULL;
    default:
        if (*p != '-' && !is_digit(*p)) {
            scan_error = "unexpected character";
            return NULL;
        }
        return scan_number(p, flags);
    }
}

/*
 * Scan the container at `p`, which is nested in `depth` others. This is a loop and not a recursion, because it runs wherever
 * a property is read, where the C stack may be nearly used up.
 */
static no_inline const uint8_t *scan_container(const uint8_t *p, int depth, int *flags)
{
    enum { ARRAY = -1 };
    struct {
        int8_t bases[SCAN_DEPTH_MAX]; /* `base` of the open containers around the innermost, from the end */
        ScanKeys keys;
        int part;
    } room; /* ordered so that the part that is written to is next to the caller's stack frame */
    int base = ARRAY;             /* of the innermost container: ARRAY, or the index of its first key in `keys` */
    int canonical = SCAN_CANONICAL, open = 0;
    const uint8_t *q;

    room.keys.count = 0;
    for (;;) {
        /* `p` is at a value */
        if (*p != '{' && *p != '[') {
            if (!(p = scan_scalar(p, &room.part)))
                return NULL;
            canonical &= room.part;
        } else {
            if (depth + open >= SCAN_DEPTH_MAX) {
                scan_error = scan_too_deep;
                return NULL;
            }
            bool object = *p == '{';
            q = scan_space(++p);
            if (q != p)
                canonical = 0;
            if (*q == (object ? '}' : ']')) {
                p = q + 1;
            } else {
                room.bases[SCAN_DEPTH_MAX - ++open] = base;
                p = q;
                if (!object) {
                    base = ARRAY;
                    continue;
                }
                base = room.keys.count;
                goto member;
            }
        }
        /* `p` is behind a value */
        for (;;) {
            if (!open) {
                *flags = canonical;
                return p;
            }
            q = scan_space(p);
            if (q != p)
                canonical = 0;
            p = q + 1;
            if (*q != ',') {
                if (*q != (base == ARRAY ? ']' : '}')) {
                    scan_error = base == ARRAY ? "expected ',' or ']'" : "expected ',' or '}'";
                    return NULL;
                }
                if (base != ARRAY)
                    room.keys.count = base;
                base = room.bases[SCAN_DEPTH_MAX - open--];
                continue;
            }
            q = scan_space(p);
            if (q != p)
                canonical = 0;
            p = q;
            if (base == ARRAY)
                break;
        member: /* `p` is at a property name */
            if (*p != '"') {
                scan_error = "expected a property name";
                return NULL;
            }
            const uint8_t *key = p + 1;
            if (!(q = scan_string(key, &room.part)))
                return NULL;
            if (canonical && !(room.part & SCAN_CANONICAL && scan_key_is_new(&room.keys, base, key, q - key)))
                canonical = 0;
            p = scan_space(++q);
            if (*p != ':') {
                scan_error = "expected ':' after a property name";
                return NULL;
            }
            if (p != q)
                canonical = 0;
            q = scan_space(++p);
            if (q != p)
                canonical = 0;
            p = q;
            break;
        }
    }
}

_Static_assert(SCAN_KEYS_MAX <= 127, "bases are bytes");

/* Returns the end of the value at `p`, which is nested in `depth` containers, or NULL with scan_error set. */
static const uint8_t *scan_value(const uint8_t *p, int depth, int *flags)
{
    return *p == '{' || *p == '[' ? scan_container(p, depth, flags) : scan_scalar(p, flags);
}
