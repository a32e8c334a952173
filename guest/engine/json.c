/* JSON.parse and JSON.stringify for user code: fast paths that fall back to the engine's own functions. */

#define JSON_DEPTH_MAX 20000 /* deepest nesting for JSON.parse; beyond it, a stack overflow is thrown */

static Bytes json_out; /* reused between calls */

/* The engine's parser recurses on the native stack, whose depth it cannot check: deeper text would trap. */
static bool json_is_too_deep(JSString *s)
{
    int depth = 0;
    for (uint32_t i = 0; i < s->len && depth <= JSON_DEPTH_MAX; i++) {
        uint32_t c = s->is_wide_char ? str16(s)[i] : str8(s)[i];
        if (c == '"') {
            while (++i < s->len && (c = s->is_wide_char ? str16(s)[i] : str8(s)[i]) != '"')
                i += c == '\\';
        } else if (c == '[' || c == '{') {
            depth++;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return depth > JSON_DEPTH_MAX;
}

static JSValue json_parse_fast(const uint8_t *text, uint32_t len)
{
    Parser s = { .p = scan_space(text), .depth_max = PARSE_EAGER_DEPTH_MAX };
    JSValue value = parse_value(&s, len ? text[0] : 0);
    if (JS_IsException(value))
        return value;
    if (scan_space(s.p) != text + len) {
        JS_FreeValue(ctx, value);
        return JS_EXCEPTION;
    }
    return value;
}

static JSValue json_parse(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    if (argc >= 1 && JS_VALUE_GET_TAG(argv[0]) == JS_TAG_STRING_ROPE) {
        JSValue flat = JS_ToString(c, argv[0]);
        if (JS_IsException(flat))
            return flat;
        JSValueConst again[2] = { flat, argc > 1 ? argv[1] : JS_UNDEFINED };
        JSValue value = json_parse(c, this_val, argc > 1 ? 2 : 1, again);
        JS_FreeValue(c, flat);
        return value;
    }
    if (argc == 1 && JS_VALUE_GET_TAG(argv[0]) == JS_TAG_STRING) {
        JSString *s = JS_VALUE_GET_STRING(argv[0]);
        uint32_t len = s->len;
        if (!s->is_wide_char && len < 0x1000000) {
            uint8_t *copy = js_malloc(c, len + 17); /* padded, and not freed while parsing */
            if (!copy)
                return JS_EXCEPTION;
            memcpy(copy, str8(s), len);
            memset(copy + len, 0, 17);
            bool ascii = true;
            for (uint32_t i = 0; ascii && i < len; i += 16) {
                v128_t chunk = wasm_v128_load(copy + i);
                ascii = !wasm_i8x16_bitmask(chunk);
            }
            JSValue value = ascii ? json_parse_fast(copy, len) : JS_EXCEPTION;
            js_free(c, copy);
            if (!JS_IsException(value) || JS_HasException(c))
                return value;
        }
    }
    if (argc >= 1 && JS_VALUE_GET_TAG(argv[0]) == JS_TAG_STRING && json_is_too_deep(JS_VALUE_GET_STRING(argv[0])))
        return JS_ThrowStackOverflow(c);
    return js_json_parse(c, this_val, argc, argv); /* throws the error, or parses what the fast path does not handle */
}

/* The writer's output as a JavaScript string. */
static JSValue json_string(const Bytes *b)
{
    for (uint32_t i = 0; i < b->len; i += 16) { /* bytes_room keeps 16 spare bytes */
        uint32_t mask = wasm_i8x16_bitmask(wasm_v128_load(b->data + i));
        if (mask && (b->len - i >= 16 || mask & ((1u << (b->len - i)) - 1)))
            return JS_NewStringLen(ctx, (const char *)b->data, b->len);
    }
    return js_new_string8_len(ctx, (const char *)b->data, b->len);
}

static JSValue json_stringify(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    bool plain = (argc < 2 || JS_IsUndefined(argv[1]) || JS_IsNull(argv[1])) &&
                 (argc < 3 || JS_IsUndefined(argv[2]) || JS_IsNull(argv[2]));
    if (plain && argc >= 1 && json_out.max) {
        Bytes out = json_out;
        Writer w;
        json_out = (Bytes){ 0 }; /* user code that the writer calls must not use the same buffer */
        out.len = 0;
        out.failed = out.full = false;
        write_begin(&w, &out);
        int status = write_value(&w, argv[0]);
        JSValue text = JS_EXCEPTION;
        bool usable = status != WRITE_GIVE_UP && !out.failed && !out.full;
        if (usable)
            text = status == WRITE_SKIP ? JS_UNDEFINED : json_string(&out);
        if (out.size > 1 << 16) { /* do not keep a large buffer */
            heap_free(NULL, out.data);
            out.data = NULL;
            out.size = 0;
        }
        json_out = out;
        if (usable)
            return text;
    }
    return JS_JSONStringify(c, argc > 0 ? argv[0] : JS_UNDEFINED, argc > 1 ? argv[1] : JS_UNDEFINED,
                            argc > 2 ? argv[2] : JS_UNDEFINED);
}

static int json_init(void)
{
    const int flags = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE;
    json_out.max = 0x3fffffff;
    JSValue json = JS_GetPropertyStr(ctx, ctx->global_obj, "JSON");
    int ret = JS_DefinePropertyValueStr(ctx, json, "parse", JS_NewCFunction(ctx, json_parse, "parse", 2), flags);
    if (ret >= 0)
        ret = JS_DefinePropertyValueStr(ctx, json, "stringify", JS_NewCFunction(ctx, json_stringify, "stringify", 3), flags);
    JS_FreeValue(ctx, json);
    return ret < 0 ? -1 : 0;
}
