/* native.zlib: allocates states and output for zlib.zig, which does the work. Uses the slices of crypto.c. */

/* Layout shared with zlib/sink.zig. */
typedef struct Sink {
    uint8_t *data;
    size_t len, capacity, max;
} Sink;

enum { ZLIB_DONE = 0, ZLIB_TOO_LARGE = 1, ZLIB_OUT_OF_MEMORY = 2, ZLIB_UNEXPECTED_END = 23 }; /* zlib.js knows the others */
enum { ZLIB_SLACK = 1024 }; /* bytes that the writer may need beyond `max` before it stops */

size_t hg_inflate_size(void);
uint32_t hg_inflate(void *state, Sink *sink, const uint8_t *input, size_t len, uint8_t format, size_t *read);
size_t hg_deflate_size(void);
void hg_deflate_init(void *state, uint8_t format, uint8_t level, bool huffman_only);
uint32_t hg_deflate_preset(void *state, const uint8_t *dictionary, size_t len, Sink *scratch);
uint32_t hg_deflate(void *state, Sink *sink, const uint8_t *bytes, size_t len, uint8_t flush);
uint32_t hg_crc32(const uint8_t *bytes, size_t len, uint32_t seed);

static JSClassID deflate_class;

/* Stack that zlib.zig may need in addition to a state: far more than the engine's own reserve. */
#define ZLIB_STACK_BYTES (128 << 10)

/* Makes room for *n* more bytes; called from Zig. */
bool hg_zlib_grow(Sink *sink, size_t n)
{
    size_t need = sink->len + n, size = sink->capacity < 1024 ? 2048 : sink->capacity * 2;
    if (size > sink->max + ZLIB_SLACK)
        size = sink->max + ZLIB_SLACK;
    if (size < need)
        size = need;
    uint8_t *data = js_realloc_rt(rt, sink->data, size);
    if (!data && size > need) /* there may be room for `need` even if not for twice the size */
        data = js_realloc_rt(rt, sink->data, size = need);
    if (!data)
        return false;
    sink->data = data;
    sink->capacity = size;
    return true;
}

/* The content of the sink after *from* as an ArrayBuffer, or, after an error, the status. Consumes the sink. */
static JSValue sink_value(JSContext *c, Sink *sink, size_t from, uint32_t status)
{
    if (status != ZLIB_DONE) {
        js_free(c, sink->data);
        return js_uint32(status);
    }
    size_t len = sink->len - from;
    if (from)
        memmove(sink->data, sink->data + from, len);
    uint8_t *data = js_realloc_rt(rt, sink->data, len ? len : 1);
    return buffer_of(c, data ? data : sink->data, len);
}

static int optional_slice(JSContext *c, Slice *s, int argc, JSValueConst *argv, int i)
{
    *s = (Slice){ .data = (const uint8_t *)"", .text = JS_UNDEFINED };
    return i < argc && !JS_IsUndefined(argv[i]) ? slice_of(c, s, argv[i]) : 0;
}

/* inflate(format, data, max, dictionary, partial) -> ArrayBuffer, or an error number. With `partial`, truncated input
 * gives the output so far instead of an error. */
static JSValue zlib_inflate(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t format, max, status = ZLIB_OUT_OF_MEMORY;
    size_t read;
    Slice data, dictionary;
    if (js_check_stack_overflow(rt, hg_inflate_size() + ZLIB_STACK_BYTES))
        return JS_ThrowStackOverflow(c);
    if (JS_ToUint32(c, &format, argv[0]) || JS_ToUint32(c, &max, argv[2]) || slice_of(c, &data, argv[1]))
        return JS_EXCEPTION;
    if (optional_slice(c, &dictionary, argc, argv, 3)) {
        slice_free(c, &data);
        return JS_EXCEPTION;
    }
    Sink sink = { .max = (size_t)max + dictionary.len };
    size_t guess = dictionary.len + 2 * (size_t)data.len + 512;
    void *block = js_malloc_rt(rt, hg_inflate_size() + 15);
    if (block && hg_zlib_grow(&sink, guess < sink.max ? guess : sink.max + ZLIB_SLACK)) {
        memcpy(sink.data, dictionary.data, dictionary.len);
        sink.len = dictionary.len;
        status = hg_inflate(aligned(block), &sink, data.data, data.len, format, &read);
    }
    js_free_rt(rt, block);
    if (status == ZLIB_UNEXPECTED_END && argc > 4 && JS_ToBool(c, argv[4]))
        status = ZLIB_DONE;
    uint32_t known = dictionary.len;
    slice_free(c, &data);
    slice_free(c, &dictionary);
    return sink_value(c, &sink, known, status);
}

static void deflate_finalizer(JSRuntime *runtime, JSValueConst handle)
{
    js_free_rt(runtime, JS_GetOpaque(handle, deflate_class));
}

/* deflater(format, level, huffmanOnly, dictionary?) -> handle, or an error number */
static JSValue zlib_deflater(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t format, level, status = ZLIB_DONE;
    void *state;
    Slice dictionary;
    if (js_check_stack_overflow(rt, 2 * hg_deflate_size() + ZLIB_STACK_BYTES))
        return JS_ThrowStackOverflow(c);
    if (JS_ToUint32(c, &format, argv[0]) || JS_ToUint32(c, &level, argv[1]) ||
        optional_slice(c, &dictionary, argc, argv, 3))
        return JS_EXCEPTION;
    JSValue handle = handle_new(c, deflate_class, hg_deflate_size(), &state);
    if (!JS_IsException(handle)) {
        hg_deflate_init(state, format, level, JS_ToBool(c, argv[2]));
        Sink scratch = { .max = 0x3fffffff };
        if (dictionary.len)
            status = hg_deflate_preset(state, dictionary.data, dictionary.len, &scratch);
        js_free_rt(rt, scratch.data);
    }
    slice_free(c, &dictionary);
    if (status == ZLIB_DONE)
        return handle;
    JS_FreeValue(c, handle);
    return js_uint32(status);
}

/* deflate(handle, data, flush, max) -> ArrayBuffer with the new output, or an error number */
static JSValue zlib_deflate(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t flush, max;
    Slice data;
    if (js_check_stack_overflow(rt, ZLIB_STACK_BYTES))
        return JS_ThrowStackOverflow(c);
    void *state = handle_state(c, deflate_class, argv[0]);
    if (!state || JS_ToUint32(c, &flush, argv[2]) || JS_ToUint32(c, &max, argv[3]) || slice_of(c, &data, argv[1]))
        return JS_EXCEPTION;
    Sink sink = { .max = max };
    uint32_t status = hg_zlib_grow(&sink, data.len / 2 + 64) ? hg_deflate(state, &sink, data.data, data.len, flush)
                                                            : ZLIB_OUT_OF_MEMORY;
    slice_free(c, &data);
    return sink_value(c, &sink, 0, status);
}

/* crc32(data, seed) */
static JSValue zlib_crc32(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t seed;
    Slice data;
    if (JS_ToUint32(c, &seed, argv[1]) || slice_of(c, &data, argv[0]))
        return JS_EXCEPTION;
    seed = hg_crc32(data.data, data.len, seed);
    slice_free(c, &data);
    return js_uint32(seed);
}

static const JSCFunctionListEntry zlib_functions[] = {
    JS_CFUNC_DEF("inflate", 5, zlib_inflate),
    JS_CFUNC_DEF("deflater", 4, zlib_deflater),
    JS_CFUNC_DEF("deflate", 4, zlib_deflate),
    JS_CFUNC_DEF("crc32", 2, zlib_crc32),
};

/* Sets native.zlib. */
static void hg_zlib_init(JSContext *c, JSValue native)
{
    static const JSClassDef deflate_def = { "Deflate", .finalizer = deflate_finalizer };
    JS_NewClassID(JS_GetRuntime(c), &deflate_class);
    JS_NewClass(JS_GetRuntime(c), deflate_class, &deflate_def);
    JSValue functions = JS_NewObject(c);
    JS_SetPropertyFunctionList(c, functions, zlib_functions, countof(zlib_functions));
    JS_DefinePropertyValueStr(c, native, "zlib", functions, JS_PROP_C_W_E);
}
