/*
 * sort with a function that compares: plain arrays are merged, which asks the function a quarter less often than QuickJS's
 * quick sort does, and is stable by itself. What order results is the specification's; how often the function is asked, and
 * for which pairs, is ours.
 */

static JSValue engine_array_sort(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv);

#define SORT_SORTED_MIN 8 /* halves of so many elements together are asked whether they need merging at all */

/* 1: `b` belongs before `a`, 0: it does not, -1: exception. */
static inline int sort_swaps(JSContext *c, JSValueConst compare, JSValue a, JSValue b)
{
    JSValueConst pair[2] = { a, b };
    JSValue answer = call_function(c, compare, JS_UNDEFINED, JS_UNDEFINED, 2, pair, JS_CALL_FLAG_COPY_ARGV);
    if (JS_VALUE_GET_TAG(answer) == JS_TAG_INT)
        return JS_VALUE_GET_INT(answer) > 0;
    if (JS_IsException(answer))
        return -1;
    double d;
    if (JS_TAG_IS_FLOAT64(JS_VALUE_GET_TAG(answer)))
        d = JS_VALUE_GET_FLOAT64(answer);
    else if (JS_ToFloat64Free(c, &d, answer))
        return -1;
    return d > 0;
}

/* Sorts `count` values; `spare` has room for half of them. -1: exception; the values are all there then, in any order. */
static int sort_merge(JSContext *c, JSValueConst compare, JSValue *values, JSValue *spare, uint32_t count)
{
    if (count < 2)
        return 0;
    uint32_t half = count / 2;
    if (sort_merge(c, compare, values, spare, half) || sort_merge(c, compare, values + half, spare, count - half))
        return -1;
    int swaps = 1;
    if (count >= SORT_SORTED_MIN)
        swaps = sort_swaps(c, compare, values[half - 1], values[half]);
    if (swaps <= 0)
        return swaps;
    memcpy(spare, values, half * sizeof(*values));
    JSValue *a = spare, *a_end = spare + half, *b = values + half, *b_end = values + count, *out = values;
    while (a < a_end && b < b_end) {
        if ((swaps = sort_swaps(c, compare, *a, *b)) < 0)
            break;
        *out++ = swaps ? *b++ : *a++;
    }
    memcpy(out, a, (a_end - a) * sizeof(*a)); /* of `b`, what is left stands where it belongs */
    return swaps < 0 ? -1 : 0;
}

/* A plain array of as many elements as it is long. */
static JSObject *sort_plain(JSValueConst v)
{
    if (JS_VALUE_GET_TAG(v) != JS_TAG_OBJECT)
        return NULL;
    JSObject *p = JS_VALUE_GET_OBJ(v);
    if (p->class_id != JS_CLASS_ARRAY || !p->fast_array || JS_VALUE_GET_TAG(p->prop[0].u.value) != JS_TAG_INT ||
        (uint32_t)JS_VALUE_GET_INT(p->prop[0].u.value) != p->u.array.count)
        return NULL;
    return p;
}

/* In place of js_array_sort. The function may do anything to the array: what is sorted are values taken before, and they
 * go back where it still is what it was. */
static JSValue js_array_sort(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    JSObject *array = sort_plain(this_val);
    uint32_t count = array ? array->u.array.count : 0, defined = 0;
    if (count < 2 || !JS_IsFunction(c, argv[0]))
        return engine_array_sort(c, this_val, argc, argv);
    JSValue *values = js_malloc(c, (count + count / 2) * sizeof(*values));
    if (!values)
        return JS_EXCEPTION;
    for (uint32_t i = 0; i < count; i++)
        if (!JS_IsUndefined(array->u.array.u.values[i]))
            values[defined++] = js_dup(array->u.array.u.values[i]);
    int failed = sort_merge(c, argv[0], values, values + count, defined);
    for (uint32_t i = defined; i < count; i++)
        values[i] = JS_UNDEFINED;
    for (uint32_t i = 0; i < count; i++) {
        if (likely(!failed && sort_plain(this_val) && i < array->u.array.count)) {
            JSValue old = array->u.array.u.values[i];
            array->u.array.u.values[i] = values[i];
            JS_FreeValue(c, old);
        } else if (failed || JS_SetPropertyInt64(c, this_val, i, values[i]) < 0) {
            if (failed)
                JS_FreeValue(c, values[i]);
            failed = -1;
        }
    }
    js_free(c, values);
    return failed ? JS_EXCEPTION : js_dup(this_val);
}
