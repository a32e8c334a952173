/* Conversions between bytes and text for Buffer, TextEncoder, atob and others. */

static uint8_t *codec_buffer(JSContext *c, JSValueConst v, size_t *size)
{
    return JS_GetArrayBuffer(c, size, v);
}

/* The slice [offset, offset+len) of an ArrayBuffer, passed as three arguments. */
typedef struct CodecSlice {
    uint8_t *p;
    uint32_t len;
} CodecSlice;

/* Reads `count` (1 or 2) slices of three arguments each. Numbers are converted before buffers are accessed, because the
 * conversion can run user code, which can detach a buffer. */
static bool codec_slices(JSContext *c, JSValueConst *argv, CodecSlice *slices, int count)
{
    uint32_t offset[2];
    for (int i = 0; i < count; i++)
        if (JS_ToUint32(c, &offset[i], argv[3 * i + 1]) || JS_ToUint32(c, &slices[i].len, argv[3 * i + 2]))
            return false;
    for (int i = 0; i < count; i++) {
        size_t size;
        uint8_t *p = codec_buffer(c, argv[3 * i], &size);
        if (!p && JS_HasException(c))
            return false;
        if (offset[i] > size || slices[i].len > size - offset[i]) {
            JS_ThrowRangeError(c, "slice out of bounds");
            return false;
        }
        slices[i].p = p ? p + offset[i] : (uint8_t *)"";
    }
    return true;
}

/* Reads a single slice; NULL with an exception. */
static uint8_t *codec_slice(JSContext *c, JSValueConst *argv, uint32_t *len)
{
    CodecSlice slice;
    if (!codec_slices(c, argv, &slice, 1))
        return NULL;
    *len = slice.len;
    return slice.p;
}

static bool codec_is_ascii(const uint8_t *p, uint32_t len)
{
    uint8_t all = 0;
    for (uint32_t i = 0; i < len; i++)
        all |= p[i];
    return all < 0x80;
}

static JSValue codec_text8(JSContext *c, const uint8_t *p, uint32_t len)
{
    return len ? js_new_string8_len(c, (const char *)p, len) : js_empty_string(rt);
}

static JSValue codec_utf8_encode(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    Bytes out = { .max = 0x3fffffff };
    JSValue text = JS_ToString(c, argv[0]);
    if (JS_IsException(text))
        return text;
    JSString *s = JS_VALUE_GET_STRING(text);
    if (!s->is_wide_char && codec_is_ascii(str8(s), s->len)) {
        JSValue same = JS_NewArrayBufferCopy(c, str8(s), s->len);
        JS_FreeValue(c, text);
        return same;
    }
    for (uint32_t i = 0; i < s->len && bytes_room(&out, 4); i++) {
        uint32_t ch = string_get(s, i);
        if (is_hi_surrogate(ch) && i + 1 < s->len && is_lo_surrogate(string_get(s, i + 1)))
            ch = from_surrogate(ch, string_get(s, ++i));
        else if (is_surrogate(ch))
            ch = 0xfffd;
        out.len += utf8_encode(out.data + out.len, ch);
    }
    JS_FreeValue(c, text);
    JSValue buffer = out.failed ? JS_ThrowOutOfMemory(c) : JS_NewArrayBufferCopy(c, out.data, out.len);
    heap_free(NULL, out.data);
    return buffer;
}

/* utf8Decode(buffer, offset, length, fatal): replaces invalid sequences by the WHATWG rules, or throws if `fatal`. */
static JSValue codec_utf8_decode(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t len;
    const uint8_t *p = codec_slice(c, argv, &len);
    if (!p)
        return JS_EXCEPTION;
    if (codec_is_ascii(p, len))
        return codec_text8(c, p, len);
    bool fatal = argc > 3 && JS_ToBool(c, argv[3]);
    const uint8_t *end = p + len;
    StringBuffer out;
    if (string_buffer_init(c, &out, len))
        return JS_EXCEPTION;
    while (p < end) {
        uint32_t code = *p++;
        int more = 0;
        uint8_t low = 0x80, high = 0xbf;
        if (code >= 0x80) {
            if (code >= 0xc2 && code <= 0xdf)
                more = 1, code &= 0x1f;
            else if (code >= 0xe0 && code <= 0xef)
                more = 2, low = code == 0xe0 ? 0xa0 : 0x80, high = code == 0xed ? 0x9f : 0xbf, code &= 0xf;
            else if (code >= 0xf0 && code <= 0xf4)
                more = 3, low = code == 0xf0 ? 0x90 : 0x80, high = code == 0xf4 ? 0x8f : 0xbf, code &= 7;
            else
                more = -1;
            for (; more > 0; more--) {
                if (p == end || *p < low || *p > high) {
                    more = -1;
                    break;
                }
                code = code << 6 | (*p++ & 0x3f);
                low = 0x80, high = 0xbf;
            }
            if (more < 0) {
                if (fatal) {
                    string_buffer_free(&out);
                    return JS_ThrowTypeError(c, "The encoded data was not valid for encoding utf-8");
                }
                code = 0xfffd;
            }
        }
        if (string_buffer_putc(&out, code)) {
            string_buffer_free(&out);
            return JS_EXCEPTION;
        }
    }
    return string_buffer_end(&out);
}

/* latin1(buffer, offset, length, seven): with `seven`, the high bit of each byte is cleared (Node's "ascii"). */
static JSValue codec_latin1(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t len;
    const uint8_t *p = codec_slice(c, argv, &len);
    if (!p)
        return JS_EXCEPTION;
    JSValue text = codec_text8(c, p, len);
    if (argc > 3 && JS_VALUE_GET_TAG(argv[3]) == JS_TAG_BOOL && JS_VALUE_GET_BOOL(argv[3]) && len && !JS_IsException(text))
        for (uint8_t *units = str8(JS_VALUE_GET_STRING(text)); len; len--)
            *units++ &= 0x7f;
    return text;
}

/* latin1Encode(text): the low byte of every code unit. */
static JSValue codec_latin1_encode(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    JSValue text = JS_ToString(c, argv[0]);
    if (JS_IsException(text))
        return text;
    JSString *s = JS_VALUE_GET_STRING(text);
    Bytes out = { .max = 0x7fffffff };
    if (s->is_wide_char && bytes_room(&out, s->len)) {
        const uint16_t *units = str16(s);
        for (; out.len < s->len; out.len++)
            out.data[out.len] = units[out.len];
    }
    JSValue buffer = out.failed ? JS_ThrowOutOfMemory(c)
                                : JS_NewArrayBufferCopy(c, s->is_wide_char ? out.data : str8(s), s->len);
    heap_free(NULL, out.data);
    JS_FreeValue(c, text);
    return buffer;
}

/* utf16Encode(text): little-endian code units. */
static JSValue codec_utf16_encode(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    JSValue text = JS_ToString(c, argv[0]);
    if (JS_IsException(text))
        return text;
    JSString *s = JS_VALUE_GET_STRING(text);
    Bytes out = { .max = 0x7fffffff };
    if (!s->is_wide_char && bytes_room(&out, s->len * 2)) {
        const uint8_t *units = str8(s);
        for (uint32_t i = 0; i < s->len; i++)
            out.data[2 * i] = units[i], out.data[2 * i + 1] = 0;
    }
    JSValue buffer = out.failed ? JS_ThrowOutOfMemory(c)
                                : JS_NewArrayBufferCopy(c, s->is_wide_char ? (uint8_t *)str16(s) : out.data, s->len * 2);
    heap_free(NULL, out.data);
    JS_FreeValue(c, text);
    return buffer;
}

/* utf16Decode(buffer, offset, length, big): code units without validation; an odd last byte is ignored. */
static JSValue codec_utf16_decode(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t len;
    const uint8_t *p = codec_slice(c, argv, &len);
    if (!p)
        return JS_EXCEPTION;
    int low = argc > 3 && JS_VALUE_GET_TAG(argv[3]) == JS_TAG_BOOL && JS_VALUE_GET_BOOL(argv[3]), high = 1 - low;
    uint32_t count = len / 2;
    uint8_t all = 0;
    for (uint32_t i = 0; i < count; i++)
        all |= p[2 * i + high];
    if (!count)
        return js_empty_string(rt);
    JSString *s = js_alloc_string(c, count, all != 0);
    if (!s)
        return JS_EXCEPTION;
    if (all) {
        for (uint32_t i = 0; i < count; i++)
            str16(s)[i] = p[2 * i + high] << 8 | p[2 * i + low];
    } else {
        for (uint32_t i = 0; i < count; i++)
            str8(s)[i] = p[2 * i + low];
        str8(s)[count] = 0;
    }
    return JS_MKPTR(JS_TAG_STRING, s);
}

/* compare(buffer, offset, length, other, offset, length) -> -1, 0 or 1; a prefix comes before the longer slice */
static JSValue codec_compare(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    CodecSlice two[2];
    if (!codec_slices(c, argv, two, 2))
        return JS_EXCEPTION;
    int order = memcmp(two[0].p, two[1].p, min_uint32(two[0].len, two[1].len));
    if (!order)
        order = two[0].len < two[1].len ? -1 : two[0].len > two[1].len;
    return js_int32(order < 0 ? -1 : order > 0);
}

/* search(buffer, offset, length, bytes, offset, length, from, step, backward) -> offset in the first slice of the non-empty
 * second one, or -1. Tries `from`, `from + step`, ...; or, backward, the multiples of `step` from `from` down to 0. */
static JSValue codec_search(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    CodecSlice two[2];
    uint32_t from, step;
    if (JS_ToUint32(c, &from, argv[6]) || JS_ToUint32(c, &step, argv[7]) || !codec_slices(c, argv, two, 2))
        return JS_EXCEPTION;
    uint32_t size = two[1].len, last = two[0].len - size;
    if (!size || !step || size > two[0].len)
        return js_int32(-1);
    const uint8_t *p = two[0].p, *bytes = two[1].p;
    if (JS_ToBool(c, argv[8])) {
        for (int64_t at = min_uint32(from, last) / step * step; at >= 0; at -= step)
            if (p[at] == bytes[0] && !memcmp(p + at, bytes, size))
                return js_int64(at);
    } else {
        for (uint64_t at = from; at <= last; at += step)
            if (p[at] == bytes[0] && !memcmp(p + at, bytes, size))
                return js_int64(at);
    }
    return js_int32(-1);
}

/* swap(buffer, offset, length, size): reverses every group of `size` bytes in place. */
static JSValue codec_swap(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t len, size;
    if (JS_ToUint32(c, &size, argv[3]))
        return JS_EXCEPTION;
    uint8_t *p = codec_slice(c, argv, &len);
    if (!p)
        return JS_EXCEPTION;
    for (; size && len >= size; len -= size, p += size) {
        for (uint32_t low = 0, high = size - 1; low < high; low++, high--) {
            uint8_t byte = p[low];
            p[low] = p[high];
            p[high] = byte;
        }
    }
    return JS_UNDEFINED;
}

/* byteList(buffer, offset, length) -> array of numbers */
static JSValue codec_byte_list(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t len;
    const uint8_t *p = codec_slice(c, argv, &len);
    if (!p)
        return JS_EXCEPTION;
    JSValue list = js_allocate_fast_array(c, len);
    for (uint32_t i = 0; i < len && !JS_IsException(list); i++)
        JS_VALUE_GET_OBJ(list)->u.array.u.values[i] = js_int32(p[i]);
    return list;
}

/* base64Encode(buffer, offset, length, url) */
static JSValue codec_base64_encode(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t len;
    const uint8_t *p = codec_slice(c, argv, &len);
    if (!p)
        return JS_EXCEPTION;
    bool url = argc > 3 && JS_ToBool(c, argv[3]);
    const char *digits = url ? url_safe : standard;
    Bytes out = { .max = 0x3fffffff };
    for (; len >= 3 && bytes_room(&out, 4); len -= 3, p += 3) {
        uint32_t v = p[0] << 16 | p[1] << 8 | p[2];
        for (int shift = 18; shift >= 0; shift -= 6)
            out.data[out.len++] = digits[v >> shift & 63];
    }
    if (len && bytes_room(&out, 4)) {
        uint32_t v = p[0] << 16 | (len > 1 ? p[1] << 8 : 0);
        out.data[out.len++] = digits[v >> 18 & 63];
        out.data[out.len++] = digits[v >> 12 & 63];
        if (len > 1)
            out.data[out.len++] = digits[v >> 6 & 63];
        if (!url)
            bytes_append(&out, "==", 3 - len);
    }
    JSValue text = out.failed ? JS_ThrowOutOfMemory(c)
                   : out.len  ? js_new_string8_len(c, (const char *)out.data, out.len)
                              : js_empty_string(rt);
    heap_free(NULL, out.data);
    return text;
}

static int codec_base64_digit(uint32_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/* base64Decode(text): like Node's Buffer, accepts both alphabets, ignores other characters and ends at '='. */
static JSValue codec_base64_decode(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    JSValue text = JS_ToString(c, argv[0]);
    if (JS_IsException(text))
        return text;
    JSString *s = JS_VALUE_GET_STRING(text);
    Bytes out = { .max = 0x3fffffff };
    uint32_t bits = 0;
    int count = 0;
    for (uint32_t i = 0; i < s->len; i++) {
        uint32_t ch = string_get(s, i);
        if (ch == '=')
            break;
        int digit = codec_base64_digit(ch);
        if (digit < 0)
            continue;
        bits = bits << 6 | digit;
        if (++count == 4) {
            uint8_t three[3] = { bits >> 16, bits >> 8, bits };
            bytes_append(&out, three, 3);
            bits = count = 0;
        }
    }
    if (count >= 2) {
        bits <<= 6 * (4 - count);
        uint8_t rest[2] = { bits >> 16, bits >> 8 };
        bytes_append(&out, rest, count - 1);
    }
    JS_FreeValue(c, text);
    JSValue buffer = out.failed ? JS_ThrowOutOfMemory(c) : JS_NewArrayBufferCopy(c, out.data, out.len);
    heap_free(NULL, out.data);
    return buffer;
}

static JSValue codec_hex_encode(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t len;
    const uint8_t *p = codec_slice(c, argv, &len);
    if (!p)
        return JS_EXCEPTION;
    if (!len)
        return js_empty_string(rt);
    if (len > 0x1fffffff)
        return JS_ThrowRangeError(c, "too long for a string");
    JSString *s = js_alloc_string(c, len * 2, 0);
    if (!s)
        return JS_EXCEPTION;
    uint8_t *out = str8(s);
    for (uint32_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[len * 2] = 0;
    return JS_MKPTR(JS_TAG_STRING, s);
}

/* hexDecode(text): like Node's Buffer, stops at the first pair that is not hexadecimal. */
static JSValue codec_hex_decode(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    JSValue text = JS_ToString(c, argv[0]);
    if (JS_IsException(text))
        return text;
    JSString *s = JS_VALUE_GET_STRING(text);
    Bytes out = { .max = 0x3fffffff };
    for (uint32_t i = 0; i + 1 < s->len; i += 2) {
        int high = string_get(s, i), low = string_get(s, i + 1);
        if (high > 0x7f || low > 0x7f || !scan_is_hex(high) || !scan_is_hex(low))
            break;
        bytes_put(&out, from_hex(high) << 4 | from_hex(low));
    }
    JS_FreeValue(c, text);
    JSValue buffer = out.failed ? JS_ThrowOutOfMemory(c) : JS_NewArrayBufferCopy(c, out.data, out.len);
    heap_free(NULL, out.data);
    return buffer;
}

static const JSCFunctionListEntry codec_functions[] = {
    JS_CFUNC_DEF("utf8Encode", 1, codec_utf8_encode),
    JS_CFUNC_DEF("utf8Decode", 4, codec_utf8_decode),
    JS_CFUNC_DEF("latin1", 4, codec_latin1),
    JS_CFUNC_DEF("latin1Encode", 1, codec_latin1_encode),
    JS_CFUNC_DEF("utf16Encode", 1, codec_utf16_encode),
    JS_CFUNC_DEF("utf16Decode", 4, codec_utf16_decode),
    JS_CFUNC_DEF("compare", 6, codec_compare),
    JS_CFUNC_DEF("search", 9, codec_search),
    JS_CFUNC_DEF("swap", 4, codec_swap),
    JS_CFUNC_DEF("byteList", 3, codec_byte_list),
    JS_CFUNC_DEF("base64Encode", 4, codec_base64_encode),
    JS_CFUNC_DEF("base64Decode", 1, codec_base64_decode),
    JS_CFUNC_DEF("hexEncode", 3, codec_hex_encode),
    JS_CFUNC_DEF("hexDecode", 1, codec_hex_decode),
};
