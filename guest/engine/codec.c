/* Bytes to text and back for Buffer, TextEncoder, atob and their like. */

static uint8_t *codec_buffer(JSContext *c, JSValueConst v, size_t *size)
{
    return JS_GetArrayBuffer(c, size, v);
}

/* The slice [offset, offset+len) of an ArrayBuffer argument, or NULL with an exception. */
static uint8_t *codec_slice(JSContext *c, JSValueConst *argv, uint32_t *len)
{
    size_t size;
    uint32_t offset, want;
    uint8_t *p = codec_buffer(c, argv[0], &size);
    if (!p && JS_HasException(c))
        return NULL;
    if (JS_ToUint32(c, &offset, argv[1]) || JS_ToUint32(c, &want, argv[2]))
        return NULL;
    if (offset > size || want > size - offset) {
        JS_ThrowRangeError(c, "slice out of bounds");
        return NULL;
    }
    *len = want;
    return p ? p + offset : (uint8_t *)"";
}

static JSValue codec_utf8_encode(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    Bytes out = { .max = 0x3fffffff };
    JSValue text = JS_ToString(c, argv[0]);
    if (JS_IsException(text))
        return text;
    JSString *s = JS_VALUE_GET_STRING(text);
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

/* utf8Decode(buffer, offset, length, fatal): WHATWG replacement of invalid sequences. */
static JSValue codec_utf8_decode(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t len;
    const uint8_t *p = codec_slice(c, argv, &len);
    if (!p)
        return JS_EXCEPTION;
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

static JSValue codec_latin1(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t len;
    const uint8_t *p = codec_slice(c, argv, &len);
    if (!p)
        return JS_EXCEPTION;
    return len ? js_new_string8_len(c, (const char *)p, len) : js_empty_string(rt);
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

/* base64Decode(text): as Node's Buffer: both alphabets, other characters ignored, ends at '='. */
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

/* hexDecode(text): as Node's Buffer: stops at the first pair that is not hex. */
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
    JS_CFUNC_DEF("latin1", 3, codec_latin1),
    JS_CFUNC_DEF("base64Encode", 4, codec_base64_encode),
    JS_CFUNC_DEF("base64Decode", 1, codec_base64_decode),
    JS_CFUNC_DEF("hexEncode", 3, codec_hex_encode),
    JS_CFUNC_DEF("hexDecode", 1, codec_hex_decode),
};
