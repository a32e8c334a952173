/*
 * Calls from JavaScript to C without a detour: the interpreter calls itself with whatever is to be called, sets up a frame
 * of its own, and then finds that it is no bytecode.
 */

static JSValue engine_call_internal(JSContext *c, JSValueConst function, JSValueConst this_val, JSValueConst new_target,
                                    int argc, JSValueConst *argv, int flags);

/* js_call_c_function for the two commonest forms, with all their arguments. */
static no_inline JSValue call_native(JSContext *c, JSValueConst function, JSValueConst this_val, int argc,
                                     JSValueConst *argv)
{
    JSObject *p = JS_VALUE_GET_OBJ(function);
    int form = p->u.cfunc.cproto;
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
    JSCFunctionType call = p->u.cfunc.c_function;
    JSValue result = form == JS_CFUNC_generic
                         ? call.generic(p->u.cfunc.realm, this_val, argc, argv)
                         : call.generic_magic(p->u.cfunc.realm, this_val, argc, argv, p->u.cfunc.magic);
    rt->current_stack_frame = frame.prev_frame;
    return result;
}

/* In place of JS_CallInternal where the interpreter and JS_Call call it. */
static inline JSValue call_function(JSContext *c, JSValueConst function, JSValueConst this_val, JSValueConst new_target,
                                    int argc, JSValueConst *argv, int flags)
{
    if (likely(flags == 0 && JS_VALUE_GET_TAG(function) == JS_TAG_OBJECT) &&
        JS_VALUE_GET_OBJ(function)->class_id == JS_CLASS_C_FUNCTION)
        return call_native(c, function, this_val, argc, argv);
    return engine_call_internal(c, function, this_val, new_target, argc, argv, flags);
}
