/*
 * Fast path for calls from JavaScript to C. QuickJS's interpreter calls itself for every function, and only finds out that
 * it is not bytecode after it has set up a frame.
 */

static JSValue engine_call_internal(JSContext *c, JSValueConst function, JSValueConst this_val, JSValueConst new_target,
                                    int argc, JSValueConst *argv, int flags);

/* The operand of a bit operation as an int32. False if it is not a number, or is beyond 64 bits. */
static inline bool call_int32(JSValueConst v, int32_t *out)
{
    if (JS_VALUE_GET_TAG(v) == JS_TAG_INT) {
        *out = JS_VALUE_GET_INT(v);
        return true;
    }
    if (!JS_TAG_IS_FLOAT64(JS_VALUE_GET_TAG(v)))
        return false;
    double d = JS_VALUE_GET_FLOAT64(v);
    if (!(d > -0x1p63 && d < 0x1p63))
        return false;
    *out = (int32_t)(int64_t)d;
    return true;
}

/* Inline charCodeAt and Math.imul, which loops over characters use. False for arguments that need the general function. */
static inline bool call_common(JSCFunction *function, JSValueConst this_val, int argc, JSValueConst *argv, JSValue *result)
{
    if (function == js_string_charCodeAt) {
        if (argc < 1 || JS_VALUE_GET_TAG(this_val) != JS_TAG_STRING || JS_VALUE_GET_TAG(argv[0]) != JS_TAG_INT)
            return false;
        JSString *s = JS_VALUE_GET_STRING(this_val);
        uint32_t index = JS_VALUE_GET_INT(argv[0]);
        if (index >= s->len)
            return false;
        *result = js_int32(string_get(s, index));
        return true;
    }
    int32_t a, b;
    if (function == js_math_imul && argc >= 2 && call_int32(argv[0], &a) && call_int32(argv[1], &b)) {
        *result = js_int32((int32_t)((uint32_t)a * (uint32_t)b));
        return true;
    }
    return false;
}

/* js_call_c_function for the most common kinds of functions, when no arguments are missing. */
static no_inline JSValue call_native(JSContext *c, JSValueConst function, JSValueConst this_val, int argc,
                                     JSValueConst *argv)
{
    JSObject *p = JS_VALUE_GET_OBJ(function);
    int form = p->u.cfunc.cproto;
    JSCFunctionType call = p->u.cfunc.c_function;
    JSValue result;
    if (form == JS_CFUNC_generic && call_common(call.generic, this_val, argc, argv, &result))
        return result;
    if (form == JS_CFUNC_f_f && argc >= 1) {
        double d;
        if (js_arith_to_float64(unsafe_unconst(argv[0]), &d))
            return js_number(call.f_f(d));
    }
    if (argc < p->u.cfunc.length || (form != JS_CFUNC_generic && form != JS_CFUNC_generic_magic))
        return js_call_c_function(c, function, this_val, argc, argv, 0);
    if (js_check_stack_overflow(rt, 0))
        return JS_ThrowStackOverflow(c);
    JSStackFrame frame;
    frame.prev_frame = rt->current_stack_frame;
    frame.is_strict_mode = frame.is_constructor = false;
    frame.cur_func = unsafe_unconst(function);
    frame.arg_count = argc;
    frame.arg_buf = (JSValue *)argv;
    rt->current_stack_frame = &frame;
    result = form == JS_CFUNC_generic
                         ? call.generic(p->u.cfunc.realm, this_val, argc, argv)
                         : call.generic_magic(p->u.cfunc.realm, this_val, argc, argv, p->u.cfunc.magic);
    rt->current_stack_frame = frame.prev_frame;
    return result;
}

/* Replaces JS_CallInternal where the interpreter and JS_Call call it. */
static inline JSValue call_function(JSContext *c, JSValueConst function, JSValueConst this_val, JSValueConst new_target,
                                    int argc, JSValueConst *argv, int flags)
{
    if (likely((flags & ~JS_CALL_FLAG_COPY_ARGV) == 0 && JS_VALUE_GET_TAG(function) == JS_TAG_OBJECT) &&
        JS_VALUE_GET_OBJ(function)->class_id == JS_CLASS_C_FUNCTION)
        return call_native(c, function, this_val, argc, argv);
    return engine_call_internal(c, function, this_val, new_target, argc, argv, flags);
}
