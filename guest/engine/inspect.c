/* Parts of printing values that would need a call per character in JavaScript. */

/* escapeText(text, quoted): escapes text like Node's util.inspect; with `quoted`, "'" is escaped as well. */
static JSValue inspect_escape_text(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    static const char named[] = "\b\t\n\f\r'\\", letters[] = "btnfr'\\";
    JSValue text = JS_ToString(c, argv[0]);
    if (JS_IsException(text))
        return text;
    JSString *s = JS_VALUE_GET_STRING(text);
    bool quoted = JS_ToBool(c, argv[1]);
    StringBuffer out;
    uint32_t from = 0, i = 0;
    if (!s->is_wide_char) {
        const uint8_t *p = str8(s);
        while (i < s->len && p[i] >= 32 && p[i] < 127 && p[i] != '\\' && p[i] != '\'')
            i++;
        if (i == s->len)
            return text;
    }
    string_buffer_init2(c, &out, s->len + 8, s->is_wide_char);
    for (; i < s->len && !out.error_status; i++) {
        uint32_t unit = string_get(s, i);
        bool alone = false;
        if (is_surrogate(unit)) {
            alone = !is_hi_surrogate(unit) || i + 1 == s->len || !is_lo_surrogate(string_get(s, i + 1));
            i += !alone;
        }
        if (!alone && unit >= 32 && unit != '\\' && (unit < 127 || unit > 159) && !(unit == '\'' && quoted))
            continue;
        char escape[8] = "\\";
        const char *name = unit && unit < 127 ? strchr(named, unit) : NULL;
        if (name)
            escape[1] = letters[name - named];
        else
            snprintf(escape, sizeof(escape), alone ? "\\u%04x" : "\\x%02X", unit);
        string_buffer_concat(&out, s, from, i);
        string_buffer_puts8(&out, escape);
        from = i + 1;
    }
    if (!from && !out.error_status) {
        string_buffer_free(&out);
        return text;
    }
    string_buffer_concat(&out, s, from, s->len);
    JS_FreeValue(c, text);
    return string_buffer_end(&out);
}

/* isPlain(text): whether text is only printable ASCII; may be false for ASCII in a wide string */
static JSValue inspect_is_plain(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    JSValue text = JS_ToString(c, argv[0]);
    if (JS_IsException(text))
        return text;
    JSString *s = JS_VALUE_GET_STRING(text);
    bool plain = !s->is_wide_char;
    const uint8_t *p = plain ? str8(s) : NULL;
    for (uint32_t i = 0; i < s->len && plain; i++)
        plain = p[i] >= 0x20 && p[i] <= 0x7e;
    JS_FreeValue(c, text);
    return js_bool(plain);
}

/* shownValue(object, key) -> value of an own, enumerable data property; otherwise undefined */
static JSValue inspect_shown_value(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    if (!JS_IsObject(argv[0]))
        return JS_UNDEFINED;
    JSAtom key = JS_ValueToAtom(c, argv[1]);
    if (key == JS_ATOM_NULL)
        return JS_EXCEPTION;
    JSPropertyDescriptor property;
    int found = JS_GetOwnPropertyInternal(c, &property, JS_VALUE_GET_OBJ(argv[0]), key);
    JS_FreeAtom(c, key);
    if (found <= 0)
        return found < 0 ? JS_EXCEPTION : JS_UNDEFINED;
    bool shown = (property.flags & (JS_PROP_ENUMERABLE | JS_PROP_GETSET)) == JS_PROP_ENUMERABLE;
    JSValue value = shown ? js_dup(property.value) : JS_UNDEFINED;
    js_free_desc(c, &property);
    return value;
}

static const JSCFunctionListEntry inspect_functions[] = {
    JS_CFUNC_DEF("escapeText", 2, inspect_escape_text),
    JS_CFUNC_DEF("isPlain", 1, inspect_is_plain),
    JS_CFUNC_DEF("shownValue", 2, inspect_shown_value),
};
