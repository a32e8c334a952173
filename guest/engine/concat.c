/* Fast paths of string + integer, without making a string of the integer, and of string + string, without other type checks. */

static int engine_add(JSContext *c, JSValue *sp);

#define CONCAT_LEN_MAX JS_STRING_ROPE_SHORT_LEN /* longer strings may become ropes */

/* Append `more` to `string`, which is consumed. */
static JSValue concat_ascii(JSContext *c, JSValue string, const char *more, uint32_t len)
{
    JSString *s = JS_VALUE_GET_STRING(string);
    uint32_t whole = s->len + len;
    if (JS_REF_COUNT(s) == 1 && s->kind == JS_STRING_KIND_NORMAL && !s->atom_type &&
        heap_block_usable(rt, s) >= sizeof(*s) + whole + 1) {
        memcpy(str8(s) + s->len, more, len);
        s->len = whole;
        str8(s)[whole] = 0;
        return string;
    }
    JSString *made = js_alloc_string(c, whole, false);
    if (likely(made != NULL)) {
        memcpy(str8(made), str8(s), s->len);
        memcpy(str8(made) + s->len, more, len);
        str8(made)[whole] = 0;
    }
    JS_FreeValue(c, string);
    return made ? JS_MKPTR(JS_TAG_STRING, made) : JS_EXCEPTION;
}

/* Replaces js_add_slow: stores sp[-2] + sp[-1] in sp[-2], for operands that are not both numbers. */
static no_inline int concat_add(JSContext *c, JSValue *sp)
{
    JSValue a = sp[-2], b = sp[-1];
    if (JS_VALUE_GET_TAG(a) != JS_TAG_STRING)
        return engine_add(c, sp);
    if (JS_VALUE_GET_TAG(b) == JS_TAG_STRING) {
        sp[-2] = JS_ConcatString(c, a, b);
    } else if (JS_VALUE_GET_TAG(b) == JS_TAG_INT && !JS_VALUE_GET_STRING(a)->is_wide_char &&
               JS_VALUE_GET_STRING(a)->len <= CONCAT_LEN_MAX) {
        char digits[16];
        uint32_t len = i32toa(digits, JS_VALUE_GET_INT(b));
        sp[-2] = concat_ascii(c, a, digits, len);
    } else {
        return engine_add(c, sp);
    }
    if (likely(!JS_IsException(sp[-2])))
        return 0;
    sp[-1] = JS_UNDEFINED; /* it has been consumed */
    return -1;
}
