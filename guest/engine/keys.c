/* Fast path of Object.keys for plain objects without integer keys, which would have to come first. */

static JSValue engine_object_keys(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv, int kind);

static JSValue js_object_keys(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv, int kind)
{
    JSObject *p = JS_VALUE_GET_TAG(argv[0]) == JS_TAG_OBJECT ? JS_VALUE_GET_OBJ(argv[0]) : NULL;
    if (!p || kind != JS_ITERATOR_KIND_KEY || p->class_id != JS_CLASS_OBJECT || p->is_exotic)
        return engine_object_keys(c, this_val, argc, argv, kind);
    JSShapeProperty *property = get_shape_prop(p->shape);
    uint32_t index, count = 0;
    for (int i = 0; i < p->shape->prop_count; i++) {
        if (property[i].atom != JS_ATOM_NULL && JS_AtomIsArrayIndex(c, &index, property[i].atom))
            return engine_object_keys(c, this_val, argc, argv, kind);
        count += (property[i].flags & JS_PROP_ENUMERABLE) != 0;
    }
    JSValue result = JS_NewArray(c);
    if (JS_IsException(result) || !count)
        return result;
    JSObject *array = JS_VALUE_GET_OBJ(result);
    if (expand_fast_array(c, array, count)) {
        JS_FreeValue(c, result);
        return JS_EXCEPTION;
    }
    count = 0;
    for (int i = 0; i < p->shape->prop_count; i++)
        if (property[i].flags & JS_PROP_ENUMERABLE && property[i].atom != JS_ATOM_NULL &&
            JS_AtomGetKind(c, property[i].atom) == JS_ATOM_KIND_STRING)
            array->u.array.u.values[count++] = JS_AtomToString(c, property[i].atom);
    array->u.array.count = count;
    array->prop[0].u.value = js_int32(count);
    return result;
}
