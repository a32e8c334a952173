/* Fast path of toLowerCase and toUpperCase for ASCII text; other text goes to QuickJS. */

static JSValue engine_string_case(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv, int lower);

static JSValue js_string_toLowerCase(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv, int lower)
{
    if (JS_VALUE_GET_TAG(this_val) != JS_TAG_STRING || JS_VALUE_GET_STRING(this_val)->is_wide_char)
        return engine_string_case(c, this_val, argc, argv, lower);
    JSString *s = JS_VALUE_GET_STRING(this_val);
    const uint8_t *text = str8(s);
    uint8_t first = lower ? 'A' : 'a';
    int changed = 0, len = s->len;
    for (int i = 0; i < len; i++) {
        if (text[i] >= 128)
            return engine_string_case(c, this_val, argc, argv, lower);
        changed |= (uint8_t)(text[i] - first) < 26;
    }
    if (!changed)
        return js_dup(this_val);
    JSString *made = js_alloc_string(c, len, false);
    if (!made)
        return JS_EXCEPTION;
    for (int i = 0; i < len; i++)
        str8(made)[i] = (uint8_t)(text[i] - first) < 26 ? text[i] ^ 0x20 : text[i];
    str8(made)[len] = 0;
    return JS_MKPTR(JS_TAG_STRING, made);
}
