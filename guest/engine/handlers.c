/*
 * Finds the handler of an event (SPEC 2.1, 2.7). The user's source becomes the body of a function whose first line
 * registers an accessor per handler name. An accessor returns what its name is bound to when it is called (function, var,
 * const, an assignment), so handlers that are replaced at run time are found too.
 */

enum { HANDLER_BATCH = 7, HANDLER_ALIAS_IDENTITY = 8, HANDLER_COUNT = 9 };

static const char *const handler_names[HANDLER_COUNT] = {
    "onIdentify", "onTrack", "onPage", "onScreen", "onGroup", "onAlias", "onDelete", "onBatch",
    "onIdentity", /* a misspelling in the original's documentation, used when onIdentify is absent */
};
static const char *const handler_types[] = { "identify", "track", "page", "screen", "group", "alias", "delete" };

static JSValue handler_accessors[HANDLER_COUNT];
static JSValue handler_known[HANDLER_COUNT]; /* the last function that was found not to be the default handler */

/* Remove `__headgate_register` without a trace, so that a function's global object differs from the base image's only in
 * what the function did. */
static void handlers_hide(void)
{
    JSAtom name = JS_NewAtom(ctx, "__headgate_register");
    JS_DeleteProperty(ctx, ctx->global_obj, name, 0);
    JS_FreeAtom(ctx, name);
    JSShape *shape = JS_VALUE_GET_OBJ(ctx->global_obj)->shape;
    if (!shape->is_hashed && get_shape_prop(shape)[shape->prop_count - 1].atom == JS_ATOM_NULL) {
        shape->prop_count--;
        shape->deleted_prop_count--;
    }
}

static JSValue handlers_register(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    handlers_hide();
    for (int i = 0; i < HANDLER_COUNT && i < argc; i++) {
        JS_FreeValue(c, handler_accessors[i]);
        handler_accessors[i] = js_dup(argv[i]);
    }
    return JS_UNDEFINED;
}

static int handlers_expose(void)
{
    return JS_DefinePropertyValueStr(ctx, ctx->global_obj, "__headgate_register",
                                     JS_NewCFunction(ctx, handlers_register, "", 0),
                                     JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
}

/* Append the line that precedes the user's source. */
static void handlers_prologue(Bytes *out)
{
    bytes_text(out, "(function(){this.__headgate_register("); /* `this`, because the source may shadow globalThis */
    for (int i = 0; i < HANDLER_COUNT; i++) {
        bytes_text(out, i ? ",()=>typeof " : "()=>typeof ");
        bytes_text(out, handler_names[i]);
        bytes_text(out, "==='function'?");
        bytes_text(out, handler_names[i]);
        bytes_text(out, ":void 0");
    }
    bytes_text(out, ");\n");
}

static JSValue handlers_get(int index)
{
    JSValue handler = JS_UNDEFINED;
    if (JS_IsFunction(ctx, handler_accessors[index]))
        handler = JS_Call(ctx, handler_accessors[index], JS_UNDEFINED, 0, NULL);
    if (JS_IsException(handler)) { /* a const whose declaration was not reached is not a handler */
        JS_FreeValue(ctx, JS_GetException(ctx));
        return JS_UNDEFINED;
    }
    if (JS_IsUndefined(handler))
        return handler;
    if (JS_VALUE_GET_PTR(handler) == JS_VALUE_GET_PTR(handler_known[index]) && JS_IsObject(handler_known[index]))
        return handler;
    JSValue is_default = JS_Call(ctx, hook_is_default_handler, JS_UNDEFINED, 1, (JSValueConst *)&handler);
    if (JS_ToBoolFree(ctx, is_default)) {
        JS_FreeValue(ctx, handler);
        return JS_UNDEFINED;
    }
    JS_FreeValue(ctx, handler_known[index]);
    handler_known[index] = js_dup(handler);
    return handler;
}

/* The handler for an event type, or JS_UNDEFINED. */
static JSValue handlers_find(int index)
{
    JSValue handler = handlers_get(index);
    if (JS_IsUndefined(handler) && index == 0)
        handler = handlers_get(HANDLER_ALIAS_IDENTITY);
    return handler;
}

static uint32_t handlers_present(void)
{
    uint32_t present = 0;
    for (int i = 0; i <= HANDLER_BATCH; i++) {
        JSValue handler = handlers_find(i);
        if (!JS_IsUndefined(handler))
            present |= 1u << i;
        JS_FreeValue(ctx, handler);
    }
    return present;
}

/* Index of an event type in handler_types, or -1. */
static int handlers_type(const uint8_t *p, uint32_t len)
{
    for (int i = 0; i < countof(handler_types); i++)
        if (strlen(handler_types[i]) == len && !memcmp(p, handler_types[i], len))
            return i;
    return -1;
}
