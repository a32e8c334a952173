/*
 * The `stack` of errors, as in V8: an own accessor of every error, which puts "Name: message" above the frames when it is first
 * read. So a name that is set after `super()` is used, and errors whose stack is not read cost no text. QuickJS stores only the
 * frames and reads them through Error.prototype; engine.c redirects its two functions that decide where to store them.
 */

static JSValue stack_getter, stack_prepared_getter, stack_setter; /* undefined until stack_init */

/* Whether `text` is QuickJS's frames without the header "Name: message". True for an empty text. */
static bool stack_is_bare(JSValueConst text)
{
    if (JS_VALUE_GET_TAG(text) != JS_TAG_STRING)
        return false;
    JSString *s = JS_VALUE_GET_STRING(text);
    static const char lead[] = "    at ";
    for (int i = 0; i < 7 && s->len; i++)
        if (i >= s->len || string_get(s, i) != lead[i])
            return false;
    return true;
}

/* Append the frames, each after a "\n". Frames of functions without a name are written as in V8: only the position. */
static void stack_append_frames(StringBuffer *out, JSString *frames)
{
    static const char nameless[] = "    at <anonymous> (";
    enum { AT = 7, NAMELESS = sizeof(nameless) - 1 };
    for (uint32_t start = 0, end; start < frames->len; start = end + 1) {
        for (end = start; end < frames->len && string_get(frames, end) != '\n';)
            end++;
        string_buffer_putc8(out, '\n');
        uint32_t same = 0;
        while (same < NAMELESS && start + same < end && string_get(frames, start + same) == nameless[same])
            same++;
        if (same == NAMELESS && string_get(frames, end - 1) == ')' && is_digit(string_get(frames, end - 2))) {
            string_buffer_concat(out, frames, start, start + AT);
            string_buffer_concat(out, frames, start + NAMELESS, end - 1);
        } else {
            string_buffer_concat(out, frames, start, end);
        }
    }
}

/* The full text for `error`, whose frames are in *slot, where the result is cached. Runs user code: getters like `name`. */
static JSValue stack_text(JSContext *c, JSValueConst error, JSValue *slot)
{
    if (!stack_is_bare(*slot))
        return js_dup(*slot);
    JSValue bare = js_dup(*slot);
    JSValue text = js_error_toString(c, error, 0, NULL);
    StringBuffer out;
    if (!JS_IsException(text)) {
        string_buffer_init(c, &out, JS_VALUE_GET_STRING(bare)->len + 64);
        string_buffer_concat_value_free(&out, text);
        stack_append_frames(&out, JS_VALUE_GET_STRING(bare));
        text = string_buffer_end(&out);
    }
    if (!JS_IsException(text) && JS_VALUE_GET_PTR(*slot) == JS_VALUE_GET_PTR(bare)) {
        JS_FreeValue(c, *slot);
        *slot = js_dup(text);
    }
    JS_FreeValue(c, bare);
    return text;
}

/* Getter: the stack of `this`, or of the error that it inherits from. `prepared`: the unchanged result of
 * Error.prepareStackTrace. */
static JSValue stack_get(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv, int prepared)
{
    if (!JS_IsObject(this_val))
        return JS_UNDEFINED;
    for (JSObject *p = JS_VALUE_GET_OBJ(this_val); p; p = p->shape->proto) {
        if (p->class_id != JS_CLASS_ERROR)
            continue;
        if (prepared)
            return js_dup(p->u.object_data);
        JSValue error = js_dup(JS_MKPTR(JS_TAG_OBJECT, p));
        JSValue text = stack_text(c, error, &p->u.object_data);
        JS_FreeValue(c, error);
        return text;
    }
    return JS_UNDEFINED;
}

/* Getter for objects that are not errors, with the frames in the function's data. */
static JSValue stack_get_captured(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv, int magic,
                                  JSValueConst *frames)
{
    return JS_IsObject(this_val) ? stack_text(c, this_val, (JSValue *)frames) : JS_UNDEFINED;
}

/* Setter: replaces the accessor with an ordinary property that is not enumerable. */
static JSValue stack_set(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    if (JS_IsObject(this_val) &&
        JS_DefinePropertyValue(c, this_val, JS_ATOM_stack, js_dup(argv[0]),
                               JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE | JS_PROP_THROW) < 0)
        return JS_EXCEPTION;
    return JS_UNDEFINED;
}

/* Called before QuickJS stores frames in an error that has none: adds the accessor. Returns whether QuickJS may store them. */
static bool stack_store(JSContext *c, JSValueConst error, bool prepared)
{
    if (!can_store_stack(error))
        return false;
    JSObject *p = JS_VALUE_GET_OBJ(error);
    if (!JS_IsUndefined(stack_getter) && p->extensible) {
        JSProperty *property = add_property(c, p, JS_ATOM_stack, JS_PROP_CONFIGURABLE | JS_PROP_GETSET);
        if (property) {
            property->u.getset.getter = JS_VALUE_GET_OBJ(js_dup(prepared ? stack_prepared_getter : stack_getter));
            property->u.getset.setter = JS_VALUE_GET_OBJ(js_dup(stack_setter));
        }
    }
    return true;
}

static int stack_define_captured(JSContext *c, JSValueConst object, JSValueConst frames)
{
    JSValue getter = JS_NewCFunctionData(c, stack_get_captured, 0, 0, 1, &frames);
    if (JS_IsException(getter))
        return -1;
    int done = JS_DefineProperty(c, object, JS_ATOM_stack, JS_UNDEFINED, getter, stack_setter,
                                 JS_PROP_HAS_GET | JS_PROP_HAS_SET | JS_PROP_HAS_CONFIGURABLE | JS_PROP_HAS_ENUMERABLE |
                                     JS_PROP_CONFIGURABLE | JS_PROP_THROW);
    JS_FreeValue(c, getter);
    return done;
}

/* The same for a DOMException, which has no slot for frames. The result of prepareStackTrace is stored unchanged. */
static bool stack_add(JSContext *c, JSValueConst exception, JSValueConst frames, bool prepared)
{
    if (!can_add_stack(exception))
        return false;
    if (prepared || JS_IsUndefined(stack_setter))
        return true;
    stack_define_captured(c, exception, frames);
    return false;
}

static bool stack_has_frame_of(JSValueConst function)
{
    for (JSStackFrame *frame = rt->current_stack_frame; frame; frame = frame->prev_frame)
        if (js_same_value(ctx, frame->cur_func, function))
            return true;
    return false;
}

/* Error.captureStackTrace(object[, function]): stores the frames above `function`; none if it is not on the stack. */
static JSValue stack_capture(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    enum { ABOVE = JS_BACKTRACE_FLAG_SKIP_FIRST_LEVEL | JS_BACKTRACE_FLAG_FILTER_FUNC };
    if (!JS_IsObject(argv[0]))
        return JS_ThrowTypeErrorNotAnObject(c);
    JSObject *p = JS_VALUE_GET_OBJ(argv[0]);
    if (JS_IsFunction(c, c->error_prepare_stack)) {
        build_backtrace(c, argv[0], argv[1], NULL, 0, 0, ABOVE); /* which defines `stack` itself */
        return JS_UNDEFINED;
    }
    JSValue frames = js_empty_string(rt);
    if (!JS_IsFunction(c, argv[1]) || stack_has_frame_of(argv[1])) {
        JSValue holder = JS_NewObjectProto(c, JS_NULL);
        if (JS_IsException(holder))
            return holder;
        build_backtrace(c, holder, argv[1], NULL, 0, 0, ABOVE);
        frames = JS_GetProperty(c, holder, JS_ATOM_stack);
        JS_FreeValue(c, holder);
        if (!JS_IsString(frames)) /* there was no memory for them */
            return JS_IsException(frames) ? frames : JS_ThrowOutOfMemory(c);
    }
    int done = 0;
    JSProperty *property;
    JSShapeProperty *shape;
    if (p->class_id != JS_CLASS_ERROR) {
        done = stack_define_captured(c, argv[0], frames);
    } else {
        shape = find_own_property(&property, p, JS_ATOM_stack);
        if (!shape || (shape->flags & JS_PROP_TMASK) != JS_PROP_GETSET ||
            property->u.getset.getter != JS_VALUE_GET_OBJ(stack_getter))
            done = JS_DefineProperty(c, argv[0], JS_ATOM_stack, JS_UNDEFINED, stack_getter, stack_setter,
                                     JS_PROP_HAS_GET | JS_PROP_HAS_SET | JS_PROP_HAS_CONFIGURABLE |
                                         JS_PROP_HAS_ENUMERABLE | JS_PROP_CONFIGURABLE | JS_PROP_THROW);
        if (done >= 0) {
            JS_FreeValue(c, p->u.object_data);
            p->u.object_data = js_dup(frames);
        }
    }
    JS_FreeValue(c, frames);
    return done < 0 ? JS_EXCEPTION : JS_UNDEFINED;
}

/* stackAbove(error, function): captureStackTrace for an error that was just made. Drops the frames up to `function` from those
 * it has, unless the stack was cut off, so that other frames would have to follow. */
static JSValue stack_above(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    JSObject *p = JS_IsObject(argv[0]) ? JS_VALUE_GET_OBJ(argv[0]) : NULL;
    /* User code can replace the base of a class, so the first argument may be anything. */
    if (!p || p->class_id != JS_CLASS_ERROR || !stack_is_bare(p->u.object_data) ||
        JS_VALUE_GET_TAG(c->error_stack_trace_limit) != JS_TAG_INT)
        return stack_capture(c, this_val, argc, argv);
    JSString *frames = JS_VALUE_GET_STRING(p->u.object_data);
    uint32_t start = 0, count = 0, drop = 1;
    JSStackFrame *frame = rt->current_stack_frame->prev_frame;
    for (; frame && !js_same_value(c, frame->cur_func, argv[1]); frame = frame->prev_frame)
        drop++;
    for (uint32_t i = 0; i < frames->len; i++)
        if (string_get(frames, i) == '\n' && ++count == drop)
            start = i + 1;
    if (!frame || count >= JS_VALUE_GET_INT(c->error_stack_trace_limit))
        return stack_capture(c, this_val, argc, argv);
    JSValue rest = js_sub_string(c, frames, start, frames->len);
    if (JS_IsException(rest))
        return rest;
    JS_FreeValue(c, p->u.object_data);
    p->u.object_data = rest;
    return JS_UNDEFINED;
}

/* Make the accessors and remove the engine's own, before any user code runs. */
static int stack_init(void)
{
    stack_setter = JS_NewCFunction(ctx, stack_set, "stack", 1);
    stack_getter = JS_NewCFunctionMagic(ctx, stack_get, "stack", 0, JS_CFUNC_generic_magic, false);
    stack_prepared_getter = JS_NewCFunctionMagic(ctx, stack_get, "stack", 0, JS_CFUNC_generic_magic, true);
    if (JS_IsException(stack_setter) || JS_IsException(stack_getter) || JS_IsException(stack_prepared_getter))
        return -1;
    JS_DeleteProperty(ctx, ctx->class_proto[JS_CLASS_ERROR], JS_ATOM_stack, 0);
    JSValue capture = JS_NewCFunction(ctx, stack_capture, "captureStackTrace", 2);
    return JS_SetPropertyStr(ctx, ctx->error_ctor, "captureStackTrace", capture);
}
