/*
 * native.url: the WHATWG URL parser for the prelude's URL and URLSearchParams (guest/prelude/url.js).
 *
 * The parser is ada, compiled with the engine from the pinned `ada-url` source distribution and used only through its
 * C interface. No object of ada outlives a call: a URL is its href and eight offsets, which the prelude keeps. So URLs
 * are ordinary JS values, garbage-collected and snapshotted like any other.
 *
 * native.url.parse(input, base?)          -> [href, ...offsets], or null if the URL is invalid
 * native.url.update(href, part, value)    -> the same after calling one setter, or null if the setter refuses
 * native.url.formParse(text)              -> flat [name, value, name, value, ...]
 * native.url.formSerialize(flat)          -> application/x-www-form-urlencoded text
 *
 * Strings must be well-formed, which the prelude ensures.
 */
#include "ada_c.h"

/*
 * ada cannot report exhausted memory: C++ without exceptions would trap. So before a large input, we check that all the
 * memory that ada may need is available. Small inputs can fall back on a reserve, after which the call fails as out of
 * memory.
 */
enum {
    URL_LARGE = 4096,
    URL_ROOM_PER_BYTE = 12, /* upper bound of ada's buffers: percent-encoding, UTF-32, doubling vectors */
    URL_ROOM_PER_PAIR = 96, /* two strings in a doubling vector */
};

static uint8_t url_reserve[2 * URL_LARGE * URL_ROOM_PER_BYTE] ENGINE_COLD;
static size_t url_reserve_used;

/* operator new and operator delete of the engine's C++ code, which is only ada. */
void *_Znwm(unsigned long size)
{
    void *p = heap_malloc(NULL, size ? size : 1);
    if (likely(p != NULL))
        return p;
    size = (size + 15) & ~15ul;
    if (size > sizeof url_reserve - url_reserve_used)
        __builtin_trap();
    p = url_reserve + url_reserve_used;
    url_reserve_used += size;
    return p;
}

void _ZdlPv(void *p)
{
    if ((uint8_t *)p < url_reserve || (uint8_t *)p >= url_reserve + sizeof url_reserve)
        heap_free(NULL, p);
}

void _ZdlPvm(void *p, unsigned long size) { _ZdlPv(p); }

/* Ends a call of ada: returns `value`, or throws out of memory if ada used the reserve. */
static JSValue url_finish(JSContext *ctx, JSValue value)
{
    if (likely(url_reserve_used == 0))
        return value;
    memset(url_reserve, 0, url_reserve_used); /* zeros cost an image nothing */
    url_reserve_used = 0;
    JS_FreeValue(ctx, value);
    return JS_ThrowOutOfMemory(ctx);
}

/* Whether there is enough memory for ada. If not, an exception is pending. */
static bool url_has_room(JSContext *ctx, size_t bytes, size_t pairs)
{
    if (bytes <= URL_LARGE && pairs * URL_ROOM_PER_PAIR <= URL_LARGE)
        return true;
    if (bytes > 0x10000000 || pairs > 0x1000000) {
        JS_ThrowOutOfMemory(ctx);
        return false;
    }
    void *room = js_malloc(ctx, bytes * URL_ROOM_PER_BYTE + pairs * URL_ROOM_PER_PAIR);
    js_free(ctx, room);
    return room != NULL;
}

static size_t url_count(const char *text, size_t length, char wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += text[i] == wanted;
    return count;
}

/* Makes [href, ...offsets] in the order that guest/prelude/url.js expects. Absent parts are -1. */
static JSValue url_record(JSContext *ctx, ada_url url)
{
    const ada_url_components *parts = ada_get_components(url);
    const ada_string href = ada_get_href(url);
    const uint32_t offsets[] = {
        parts->protocol_end, parts->username_end, parts->host_start,   parts->host_end,
        parts->port,         parts->pathname_start, parts->search_start, parts->hash_start,
    };
    JSValue record = JS_NewArray(ctx);

    if (JS_IsException(record))
        return record;
    if (JS_DefinePropertyValueUint32(ctx, record, 0, JS_NewStringLen(ctx, href.data, href.length), JS_PROP_C_W_E) < 0)
        goto fail;
    for (uint32_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        JSValue offset = JS_NewInt32(ctx, (int32_t)offsets[i]);
        if (JS_DefinePropertyValueUint32(ctx, record, i + 1, offset, JS_PROP_C_W_E) < 0)
            goto fail;
    }
    return record;
fail:
    JS_FreeValue(ctx, record);
    return JS_EXCEPTION;
}

static JSValue url_parse(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    JSValue record = JS_EXCEPTION;
    const char *input, *base = NULL;
    size_t input_length, base_length = 0;
    ada_url url;

    input = JS_ToCStringLen(ctx, &input_length, argv[0]);
    if (!input)
        return JS_EXCEPTION;
    if (argc > 1 && !JS_IsUndefined(argv[1])) {
        base = JS_ToCStringLen(ctx, &base_length, argv[1]);
        if (!base)
            goto done;
    }
    if (!url_has_room(ctx, input_length + base_length, 0))
        goto done;
    url = base ? ada_parse_with_base(input, input_length, base, base_length) : ada_parse(input, input_length);
    record = ada_is_valid(url) ? url_record(ctx, url) : JS_NULL;
    ada_free(url);
done:
    JS_FreeCString(ctx, input);
    JS_FreeCString(ctx, base);
    return url_finish(ctx, record);
}

enum { URL_HREF, URL_PROTOCOL, URL_USERNAME, URL_PASSWORD, URL_HOST, URL_HOSTNAME, URL_PORT, URL_PATHNAME, URL_SEARCH, URL_HASH };

static bool url_set(ada_url url, int part, const char *value, size_t length)
{
    switch (part) {
    case URL_HREF:     return ada_set_href(url, value, length);
    case URL_PROTOCOL: return ada_set_protocol(url, value, length);
    case URL_USERNAME: return ada_set_username(url, value, length);
    case URL_PASSWORD: return ada_set_password(url, value, length);
    case URL_HOST:     return ada_set_host(url, value, length);
    case URL_HOSTNAME: return ada_set_hostname(url, value, length);
    case URL_PORT:     return ada_set_port(url, value, length);
    case URL_PATHNAME: return ada_set_pathname(url, value, length);
    case URL_SEARCH:   ada_set_search(url, value, length); return true;
    case URL_HASH:     ada_set_hash(url, value, length); return true;
    }
    return false;
}

static JSValue url_update(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    JSValue record = JS_EXCEPTION;
    const char *href, *value = NULL;
    size_t href_length, value_length;
    int32_t part;
    ada_url url;

    if (JS_ToInt32(ctx, &part, argv[1]))
        return JS_EXCEPTION;
    href = JS_ToCStringLen(ctx, &href_length, argv[0]);
    if (!href)
        return JS_EXCEPTION;
    value = JS_ToCStringLen(ctx, &value_length, argv[2]);
    if (value && url_has_room(ctx, href_length + value_length, 0)) {
        url = ada_parse(href, href_length);
        record = ada_is_valid(url) && url_set(url, part, value, value_length) ? url_record(ctx, url) : JS_NULL;
        ada_free(url);
    }
    JS_FreeCString(ctx, href);
    JS_FreeCString(ctx, value);
    return url_finish(ctx, record);
}

static JSValue url_form_parse(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    ada_url_search_params params;
    ada_url_search_params_entries_iter entries;
    uint32_t count = 0;
    JSValue flat;

    if (!text)
        return JS_EXCEPTION;
    if (!url_has_room(ctx, length, url_count(text, length, '&') + 1)) {
        JS_FreeCString(ctx, text);
        return JS_EXCEPTION;
    }
    flat = JS_NewArray(ctx);
    params = ada_parse_search_params(text, length);
    entries = ada_search_params_get_entries(params);
    while (!JS_IsException(flat) && ada_search_params_entries_iter_has_next(entries)) {
        const ada_string_pair pair = ada_search_params_entries_iter_next(entries);
        const ada_string halves[] = {pair.key, pair.value};
        for (int i = 0; i < 2; i++) {
            JSValue half = JS_NewStringLen(ctx, halves[i].data, halves[i].length);
            if (JS_DefinePropertyValueUint32(ctx, flat, count++, half, JS_PROP_C_W_E) < 0) {
                JS_FreeValue(ctx, flat);
                flat = JS_EXCEPTION;
                break;
            }
        }
    }
    ada_free_search_params_entries_iter(entries);
    ada_free_search_params(params);
    JS_FreeCString(ctx, text);
    return url_finish(ctx, flat);
}

/* Appends the pair flat[2 * index], flat[2 * index + 1] and adds its size to `bytes`; -1 with an exception pending. */
static int url_form_append(JSContext *ctx, ada_url_search_params params, JSValueConst flat, uint32_t index, size_t *bytes)
{
    const char *halves[2] = {NULL, NULL};
    size_t lengths[2];
    int i;

    for (i = 0; i < 2; i++) {
        JSValue half = JS_GetPropertyUint32(ctx, flat, 2 * index + i);
        halves[i] = JS_IsException(half) ? NULL : JS_ToCStringLen(ctx, &lengths[i], half);
        JS_FreeValue(ctx, half);
        if (!halves[i])
            break;
    }
    const bool fits = i == 2 && url_has_room(ctx, lengths[0] + lengths[1], 0);
    if (fits) {
        ada_search_params_append(params, halves[0], lengths[0], halves[1], lengths[1]);
        *bytes += lengths[0] + lengths[1];
    }
    JS_FreeCString(ctx, halves[0]);
    JS_FreeCString(ctx, halves[1]);
    return fits ? 0 : -1;
}

static JSValue url_form_serialize(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    ada_url_search_params params;
    JSValue text = JS_EXCEPTION;
    size_t bytes = 0;
    int64_t length;

    if (JS_GetLength(ctx, argv[0], &length) || !url_has_room(ctx, 0, length / 2))
        return JS_EXCEPTION;
    params = ada_parse_search_params("", 0);
    for (uint32_t i = 0; i < length / 2; i++) {
        if (url_form_append(ctx, params, argv[0], i, &bytes))
            goto done;
    }
    if (url_has_room(ctx, bytes, 0)) {
        ada_owned_string owned = ada_search_params_to_string(params);
        text = JS_NewStringLen(ctx, owned.data, owned.length);
        ada_free_owned_string(owned);
    }
done:
    ada_free_search_params(params);
    return url_finish(ctx, text);
}

static const JSCFunctionListEntry url_functions[] = {
    JS_CFUNC_DEF("parse", 2, url_parse),
    JS_CFUNC_DEF("update", 3, url_update),
    JS_CFUNC_DEF("formParse", 1, url_form_parse),
    JS_CFUNC_DEF("formSerialize", 1, url_form_serialize),
};

/* Adds native.url; -1 with an exception pending. */
static int url_init(JSContext *ctx, JSValueConst native)
{
    JSValue url = JS_NewObject(ctx);

    if (JS_IsException(url))
        return -1;
    JS_SetPropertyFunctionList(ctx, url, url_functions, sizeof url_functions / sizeof *url_functions);
    return JS_DefinePropertyValueStr(ctx, native, "url", url, JS_PROP_C_W_E);
}
