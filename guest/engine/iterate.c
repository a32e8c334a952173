/*
 * Fast path of for (x of array): reads the next element of a plain array directly, where QuickJS looks up the length and the
 * element as properties of any object.
 */

static int engine_for_of_next(JSContext *c, JSValue *sp, int offset);

/* Replaces js_for_of_next. */
static int iterate_next(JSContext *c, JSValue *sp, int offset)
{
    JSValue iterator = sp[offset], next = sp[offset + 1];
    if (JS_VALUE_GET_TAG(iterator) == JS_TAG_OBJECT && JS_VALUE_GET_TAG(next) == JS_TAG_OBJECT &&
        JS_VALUE_GET_OBJ(iterator)->class_id == JS_CLASS_ARRAY_ITERATOR &&
        JS_VALUE_GET_OBJ(next)->class_id == JS_CLASS_C_FUNCTION &&
        JS_VALUE_GET_OBJ(next)->u.cfunc.c_function.iterator_next == js_array_iterator_next) {
        JSArrayIteratorData *it = JS_VALUE_GET_OBJ(iterator)->u.array_iterator_data;
        if (it->kind == JS_ITERATOR_KIND_VALUE && JS_VALUE_GET_TAG(it->obj) == JS_TAG_OBJECT) {
            JSObject *array = JS_VALUE_GET_OBJ(it->obj);
            if (array->class_id == JS_CLASS_ARRAY && array->fast_array && it->idx < array->u.array.count) {
                sp[0] = js_dup(array->u.array.u.values[it->idx++]);
                sp[1] = JS_FALSE;
                return 0;
            }
        }
    }
    return engine_for_of_next(c, sp, offset);
}
