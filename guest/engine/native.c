/* The `native` object: C functions for the prelude, which user code never sees. */

static bool compiling; /* an image is being made */
static uint32_t operation_last, operation_count;
static bool invocation_waits; /* this invocation has used timers or operations */

static JSValue native_now(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    touched |= HG_TOUCHED_CLOCK;
    return js_float64(box.now_ms);
}

static JSValue native_monotonic(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    touched |= HG_TOUCHED_CLOCK;
    return js_float64(box.monotonic_ms);
}

static JSValue native_random(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t n;
    if (JS_ToUint32(c, &n, argv[0]))
        return JS_EXCEPTION;
    if (n > 65536)
        return JS_ThrowRangeError(c, "at most 65536 random bytes at a time");
    uint8_t *p = js_malloc(c, n + 1);
    if (!p)
        return JS_EXCEPTION;
    entropy_fill(p, n);
    JSValue buffer = JS_NewArrayBufferCopy(c, p, n);
    js_free(c, p);
    return buffer;
}

static JSValue native_promise_state(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    if (!JS_IsPromise(argv[0]))
        return JS_UNDEFINED;
    JSPromiseStateEnum state = JS_PromiseState(c, argv[0]);
    JSValue pair[2] = { js_int32(state == JS_PROMISE_PENDING ? 0 : state == JS_PROMISE_FULFILLED ? 1 : 2),
                        state == JS_PROMISE_PENDING ? JS_UNDEFINED : JS_PromiseResult(c, argv[0]) };
    JSValue result = js_create_array(c, 2, (JSValueConst *)pair);
    JS_FreeValue(c, pair[1]);
    return result;
}

static JSValue native_proxy_details(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    if (!JS_IsObject(argv[0]) || JS_VALUE_GET_OBJ(argv[0])->class_id != JS_CLASS_PROXY)
        return JS_UNDEFINED;
    JSProxyData *proxy = JS_VALUE_GET_OBJ(argv[0])->u.opaque;
    JSValueConst pair[2] = { JS_UNDEFINED, JS_UNDEFINED };
    if (proxy && !proxy->is_revoked) {
        pair[0] = proxy->target;
        pair[1] = proxy->handler;
    }
    return js_create_array(c, 2, pair);
}

static JSValue native_class_name(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    if (!JS_IsObject(argv[0]))
        return js_empty_string(rt);
    return JS_AtomToString(c, rt->class_array[JS_VALUE_GET_OBJ(argv[0])->class_id].class_name);
}

/* iteratorEntries(v) -> [entries, isKeyValue]: the (remaining) entries of a Map, a Set or an iterator over one */
static JSValue native_iterator_entries(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    if (!JS_IsObject(argv[0]))
        return JS_UNDEFINED;
    JSObject *p = JS_VALUE_GET_OBJ(argv[0]);
    JSMapState *map = NULL;
    JSMapRecord *from = NULL;
    JSIteratorKindEnum kind = p->class_id == JS_CLASS_MAP ? JS_ITERATOR_KIND_KEY_AND_VALUE : JS_ITERATOR_KIND_KEY;
    if (p->class_id == JS_CLASS_MAP || p->class_id == JS_CLASS_SET) {
        map = p->u.map_state;
    } else if (p->class_id == JS_CLASS_MAP_ITERATOR || p->class_id == JS_CLASS_SET_ITERATOR) {
        JSMapIteratorData *it = p->u.map_iterator_data;
        if (it && JS_IsObject(it->obj))
            map = JS_VALUE_GET_OBJ(it->obj)->u.map_state, from = it->cur_record, kind = it->kind;
    } else {
        return JS_UNDEFINED;
    }
    JSValue entries = JS_NewArray(c);
    if (JS_IsException(entries))
        return entries;
    uint32_t n = 0;
    struct list_head *el = !map ? NULL : from ? from->link.next : map->records.next;
    for (; map && el != &map->records; el = el->next) {
        JSMapRecord *record = list_entry(el, JSMapRecord, link);
        if (record->empty)
            continue;
        if (kind != JS_ITERATOR_KIND_VALUE &&
            JS_DefinePropertyValueUint32(c, entries, n++, js_dup(record->key), JS_PROP_C_W_E) < 0)
            goto fail;
        if (kind != JS_ITERATOR_KIND_KEY &&
            JS_DefinePropertyValueUint32(c, entries, n++, js_dup(record->value), JS_PROP_C_W_E) < 0)
            goto fail;
    }
    JSValue pair[2] = { entries, js_bool(kind == JS_ITERATOR_KIND_KEY_AND_VALUE) };
    JSValue result = js_create_array(c, 2, (JSValueConst *)pair);
    JS_FreeValue(c, entries);
    return result;
fail:
    JS_FreeValue(c, entries);
    return JS_EXCEPTION;
}

/* setOwn(object, key, value): define an ordinary property, ignoring setters of prototypes */
static JSValue native_set_own(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    JSAtom key = JS_ValueToAtom(c, argv[1]);
    if (key == JS_ATOM_NULL)
        return JS_EXCEPTION;
    int done = JS_DefinePropertyValue(c, argv[0], key, js_dup(argv[2]), JS_PROP_C_W_E | JS_PROP_THROW);
    JS_FreeAtom(c, key);
    return done < 0 ? JS_EXCEPTION : JS_UNDEFINED;
}

enum { OPERATION_FETCH = 1, OPERATION_CACHE = 2 };

/* file(kind, payload, body) -> operation id: file a request with the host, which hooks.answer answers later. */
static JSValue native_file(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t kind;
    size_t len, body_len = 0;
    uint8_t *body = NULL;

    touched |= HG_TOUCHED_HOST;
    if (JS_ToUint32(c, &kind, argv[0]))
        return JS_EXCEPTION;
    if (operation_count >= box.operations_max)
        return JS_ThrowRangeError(c, "more than %u outstanding operations", box.operations_max);
    if (argc > 2 && !JS_IsUndefined(argv[2]) && !(body = codec_buffer(c, argv[2], &body_len)) && JS_HasException(c))
        return JS_EXCEPTION;
    const char *payload = JS_ToCStringLen(c, &len, argv[1]);
    if (!payload)
        return JS_EXCEPTION;
    uint32_t id = ++operation_last;
    int32_t refused = kind == OPERATION_FETCH ? import_fetch(id, (const uint8_t *)payload, len, body, body_len)
                                              : import_cache(id, (const uint8_t *)payload, len);
    JS_FreeCString(c, payload);
    if (refused)
        return JS_ThrowInternalError(c, "the host refused the request (%d)", refused);
    operation_count++;
    invocation_waits = true;
    return js_uint32(id);
}

static JSValue native_due(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    double due;
    if (JS_ToFloat64(c, &due, argv[0]))
        return JS_EXCEPTION;
    touched |= HG_TOUCHED_HOST;
    invocation_waits = true;
    box.due_ms = due > 0 ? due : INFINITY;
    return JS_UNDEFINED;
}

static JSValue native_isolation(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    return js_new_string8(c, compiling ? "compile" : box.flags & HG_FLAG_HERMETIC ? "hermetic" : "warm");
}

static JSValue native_timers_max(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    return js_uint32(box.timers_max);
}

/* The host's content for a library name, in a new block; NULL with an exception. */
static uint8_t *library_fetch(JSContext *c, JSValueConst name, size_t *size)
{
    size_t len;
    const char *text = JS_ToCStringLen(c, &len, name);
    if (!text)
        return NULL;
    int32_t n = import_library(text, len, NULL, 0);
    uint8_t *content = n < 0 ? NULL : js_malloc(c, n + 1);
    if (n < 0)
        JS_ThrowInternalError(c, "there is no library %s", text);
    else if (content && import_library(text, len, content, n) != n) {
        js_free(c, content);
        content = NULL;
        JS_ThrowInternalError(c, "the host refused the library %s", text);
    }
    JS_FreeCString(c, text);
    *size = n;
    return content;
}

/* libraryNames() -> the names of all libraries, one per line */
static JSValue native_library_names(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    size_t size;
    JSValue none = js_empty_string(rt);
    uint8_t *names = library_fetch(c, none, &size);
    if (!names)
        return JS_EXCEPTION;
    JSValue text = JS_NewStringLen(c, (const char *)names, size);
    js_free(c, names);
    return text;
}

/* library(name) -> the value of that script. A library depends on the engine's build only, so what it uses while it loads
 * does not count as used by the function, whose top level can stay in the image. */
static JSValue native_library(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    size_t size;
    uint8_t *bytecode = library_fetch(c, argv[0], &size);
    if (!bytecode)
        return JS_EXCEPTION;
    uint32_t touched_before = touched;
    uint64_t random_before = ctx->random_state;
    JSValue script = JS_ReadObject(c, bytecode, size, JS_READ_OBJ_BYTECODE);
    js_free(c, bytecode);
    JSValue value = JS_IsException(script) ? script : JS_EvalFunction(c, script);
    if (compiling) {
        touched = touched_before;
        ctx->random_state = random_before;
    }
    return value;
}

static const JSCFunctionListEntry native_functions[] = {
    JS_CFUNC_DEF("log", 2, console_log),
    JS_CFUNC_DEF("now", 0, native_now),
    JS_CFUNC_DEF("monotonic", 0, native_monotonic),
    JS_CFUNC_DEF("random", 1, native_random),
    JS_CFUNC_DEF("promiseState", 1, native_promise_state),
    JS_CFUNC_DEF("proxyDetails", 1, native_proxy_details),
    JS_CFUNC_DEF("className", 1, native_class_name),
    JS_CFUNC_DEF("iteratorEntries", 1, native_iterator_entries),
    JS_CFUNC_DEF("setOwn", 3, native_set_own),
    JS_CFUNC_DEF("file", 3, native_file),
    JS_CFUNC_DEF("due", 1, native_due),
    JS_CFUNC_DEF("stackAbove", 2, stack_above),
    JS_CFUNC_DEF("library", 1, native_library),
    JS_CFUNC_DEF("libraryNames", 0, native_library_names),
    JS_CFUNC_DEF("timersMax", 0, native_timers_max),
    JS_CFUNC_DEF("isolation", 0, native_isolation),
};

static JSValue native_new(void)
{
    JSValue native = JS_NewObject(ctx);
    if (JS_IsException(native))
        return native;
    JS_SetPropertyFunctionList(ctx, native, native_functions, countof(native_functions));
    JS_SetPropertyFunctionList(ctx, native, codec_functions, countof(codec_functions));
    JS_SetPropertyFunctionList(ctx, native, inspect_functions, countof(inspect_functions));
    if (url_init(ctx, native) < 0) {
        JS_FreeValue(ctx, native);
        return JS_EXCEPTION;
    }
    hg_crypto_init(ctx, native);
    hg_zlib_init(ctx, native);
    return native;
}
