/*
 * Writes values as JSON text, exactly like JSON.stringify without replacer and indentation. It handles values that need no
 * user code: plain objects and arrays, primitives, lazy text, and dates with their original methods. For anything else
 * (getters, toJSON, proxies, integer-like keys, cycles, ...) it gives up before any side effect, and the caller uses the engine.
 */

#define WRITE_DEPTH_MAX 200 /* deeper values go to the engine, which finds a cycle or overflows the stack */

enum { WRITE_DONE, WRITE_SKIP /* undefined: the property is left out */, WRITE_GIVE_UP };

typedef struct Writer {
    Bytes *out;
    int depth;
    bool object_clean, array_clean; /* Object.prototype, Array.prototype have no toJSON */
    /* offsets of the root object's own `type` and `messageId` in the output, or 0 */
    uint32_t type_at, type_end, id_at, id_end;
    JSAtom type_atom, id_atom;
} Writer;

static struct { /* the original intrinsics, before user code ran */
    JSObject *object_proto, *array_proto, *date_proto;
    JSValue date_to_json, date_to_iso, date_value_of, date_to_primitive;
    JSAtom to_iso;
} pristine;

static bool write_has_own(JSObject *p, JSAtom atom)
{
    JSProperty *pr;
    return find_own_property(&pr, p, atom) != NULL;
}

static bool write_method_is(JSObject *p, JSAtom atom, JSValue expected)
{
    JSProperty *pr;
    JSShapeProperty *prs = find_own_property(&pr, p, atom);
    return prs && !(prs->flags & JS_PROP_TMASK) &&
           JS_VALUE_GET_TAG(pr->u.value) == JS_TAG_OBJECT &&
           JS_VALUE_GET_PTR(pr->u.value) == JS_VALUE_GET_PTR(expected);
}

static void write_escape(Bytes *out, uint32_t c)
{
    static const char hex[] = "0123456789abcdef";
    static const char shorts[] = "\bb\ff\nn\rr\tt";
    const char *s = c && c < 0x80 ? strchr(shorts, c) : NULL;
    if (c == '"' || c == '\\') {
        bytes_put(out, '\\');
        bytes_put(out, c);
    } else if (s && c < 0x20) {
        bytes_put(out, '\\');
        bytes_put(out, s[1]);
    } else {
        uint8_t u[6] = { '\\', 'u', hex[c >> 12 & 15], hex[c >> 8 & 15], hex[c >> 4 & 15], hex[c & 15] };
        bytes_append(out, u, 6);
    }
}

/* A bit mask of the characters among 16 that cannot be printed unchanged. */
static inline uint32_t write_stops(v128_t chunk)
{
    v128_t stop = wasm_v128_or(
        wasm_v128_or(wasm_i8x16_eq(chunk, wasm_i8x16_splat('"')), wasm_i8x16_eq(chunk, wasm_i8x16_splat('\\'))),
        wasm_v128_or(wasm_u8x16_lt(chunk, wasm_i8x16_splat(0x20)), wasm_i8x16_lt(chunk, wasm_i8x16_splat(0))));
    return wasm_i8x16_bitmask(stop);
}

static void write_string8(Bytes *out, const uint8_t *p, uint32_t len)
{
    const uint8_t *end = p + len;
    if (!bytes_room(out, len + 2))
        return;
    out->data[out->len++] = '"';
    if (likely(len <= 16)) { /* most names and values */
        v128_t chunk = wasm_v128_load(p);
        if (likely(!(write_stops(chunk) & ((1u << len) - 1)))) {
            wasm_v128_store(out->data + out->len, chunk);
            out->len += len;
            out->data[out->len++] = '"';
            return;
        }
    }
    while (p < end) {
        v128_t chunk = wasm_v128_load(p);
        uint32_t mask = write_stops(chunk);
        uint32_t run = mask ? __builtin_ctz(mask) : 16;
        if (run > (uint32_t)(end - p))
            run = end - p;
        if (!bytes_room(out, run + 1))
            return;
        wasm_v128_store(out->data + out->len, chunk); /* bytes_room keeps 16 spare bytes */
        out->len += run;
        p += run;
        if (p >= end || run == 16)
            continue;
        uint32_t c = *p++;
        if (c >= 0x80) {
            bytes_put(out, 0xc0 | c >> 6);
            bytes_put(out, 0x80 | (c & 0x3f));
        } else {
            write_escape(out, c);
        }
    }
    bytes_put(out, '"');
}

static void write_string16(Bytes *out, const uint16_t *p, uint32_t len)
{
    const uint16_t *end = p + len;
    bytes_put(out, '"');
    while (p < end && bytes_room(out, 6)) {
        uint32_t c = *p++;
        if (c < 0x20 || c == '"' || c == '\\') {
            write_escape(out, c);
        } else if (c < 0x80) {
            out->data[out->len++] = c;
        } else if (is_hi_surrogate(c) && p < end && is_lo_surrogate(*p)) {
            c = from_surrogate(c, *p++);
            uint8_t u[4] = { 0xf0 | c >> 18, 0x80 | (c >> 12 & 0x3f), 0x80 | (c >> 6 & 0x3f), 0x80 | (c & 0x3f) };
            bytes_append(out, u, 4);
        } else if (is_surrogate(c)) {
            write_escape(out, c);
        } else if (c < 0x800) {
            out->data[out->len++] = 0xc0 | c >> 6;
            out->data[out->len++] = 0x80 | (c & 0x3f);
        } else {
            out->data[out->len++] = 0xe0 | c >> 12;
            out->data[out->len++] = 0x80 | (c >> 6 & 0x3f);
            out->data[out->len++] = 0x80 | (c & 0x3f);
        }
    }
    bytes_put(out, '"');
}

static void write_string(Bytes *out, JSString *s)
{
    if (s->is_wide_char)
        write_string16(out, str16(s), s->len);
    else
        write_string8(out, str8(s), s->len);
}

static int write_value(Writer *w, JSValueConst value);

static int write_lazy(Writer *w, Document *doc, uint32_t index)
{
    const Span *span = &doc->spans[index];
    if (span->canonical && w->array_clean) { /* array_clean: no toJSON applies to values in the text */
        bytes_append(w->out, doc->text + span->start, span->end - span->start);
        return WRITE_DONE;
    }
    JSValue value = document_value(doc, index, 0); /* the property itself stays lazy */
    if (JS_IsException(value)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        return WRITE_GIVE_UP;
    }
    int status = write_value(w, value);
    JS_FreeValue(ctx, value);
    return status;
}

static int write_object(Writer *w, JSObject *p)
{
    JSShape *shape = p->shape;
    JSShapeProperty *prs = get_shape_prop(shape);
    bool first = true, root = w->depth == 1;
    Bytes *out = w->out;

    bytes_put(out, '{');
    for (int i = 0; i < shape->prop_count; i++, prs++) {
        if (prs->atom == JS_ATOM_NULL)
            continue;
        if (prs->atom == JS_ATOM_toJSON || __JS_AtomIsTaggedInt(prs->atom))
            return WRITE_GIVE_UP;
        JSAtomStruct *name = rt->atom_array[prs->atom];
        if (!(prs->flags & JS_PROP_ENUMERABLE) || name->atom_type != JS_ATOM_TYPE_STRING)
            continue;
        if (!name->is_wide_char && is_digit(str8(name)[0]))
            return WRITE_GIVE_UP; /* may be a large integer index, which must come first too */
        JSProperty *pr = &p->prop[i];
        Document *doc = NULL;
        if (prs->flags & JS_PROP_TMASK) {
            if (!(doc = document_of(pr, prs->flags)))
                return WRITE_GIVE_UP;
        }
        uint32_t before = out->len;
        if (!first)
            bytes_put(out, ',');
        write_string(out, name);
        bytes_put(out, ':');
        uint32_t at = out->len;
        int status = doc ? write_lazy(w, doc, (uint32_t)(uintptr_t)pr->u.init.opaque)
                         : write_value(w, pr->u.value);
        if (status == WRITE_GIVE_UP)
            return status;
        if (status == WRITE_SKIP) {
            out->len = before;
            continue;
        }
        first = false;
        if (root && prs->atom == w->type_atom)
            w->type_at = at, w->type_end = out->len;
        else if (root && prs->atom == w->id_atom)
            w->id_at = at, w->id_end = out->len;
    }
    bytes_put(out, '}');
    return WRITE_DONE;
}

static int write_array(Writer *w, JSObject *p)
{
    JSValue length = p->prop[0].u.value;
    if (!p->fast_array || !w->array_clean || p->shape->proto != pristine.array_proto ||
        JS_VALUE_GET_TAG(length) != JS_TAG_INT || (uint32_t)JS_VALUE_GET_INT(length) != p->u.array.count)
        return WRITE_GIVE_UP;
    if (p->shape != ctx->array_shape && write_has_own(p, JS_ATOM_toJSON))
        return WRITE_GIVE_UP;
    bytes_put(w->out, '[');
    for (uint32_t i = 0; i < p->u.array.count; i++) {
        if (i)
            bytes_put(w->out, ',');
        switch (write_value(w, p->u.array.u.values[i])) {
        case WRITE_GIVE_UP:
            return WRITE_GIVE_UP;
        case WRITE_SKIP:
            bytes_append(w->out, "null", 4);
        }
    }
    bytes_put(w->out, ']');
    return WRITE_DONE;
}

static int write_date(Writer *w, JSObject *p)
{
    if (p->shape->proto != pristine.date_proto || p->shape->prop_count ||
        !write_method_is(pristine.date_proto, JS_ATOM_toJSON, pristine.date_to_json) ||
        !write_method_is(pristine.date_proto, pristine.to_iso, pristine.date_to_iso) ||
        !write_method_is(pristine.date_proto, JS_ATOM_valueOf, pristine.date_value_of) ||
        !write_method_is(pristine.date_proto, JS_ATOM_Symbol_toPrimitive, pristine.date_to_primitive))
        return WRITE_GIVE_UP;
    double time;
    if (JS_ToFloat64(ctx, &time, p->u.object_data) || !isfinite(time)) {
        bytes_append(w->out, "null", 4);
        return WRITE_DONE;
    }
    JSValue text = JS_Call(ctx, pristine.date_to_iso, JS_MKPTR(JS_TAG_OBJECT, p), 0, NULL);
    if (JS_IsException(text)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        return WRITE_GIVE_UP;
    }
    write_string(w->out, JS_VALUE_GET_STRING(text));
    JS_FreeValue(ctx, text);
    return WRITE_DONE;
}

/* Whether looking up `toJSON` along the prototype chain certainly finds nothing and has no side effects. */
static bool write_chain_is_clean(Writer *w, JSObject *p)
{
    for (JSObject *proto = p->shape->proto; proto; proto = proto->shape->proto) {
        if (proto == pristine.object_proto)
            return w->object_clean;
        if (proto->is_exotic || write_has_own(proto, JS_ATOM_toJSON))
            return false;
    }
    return true;
}

static int write_container(Writer *w, JSObject *p)
{
    int status;
    if (w->depth >= WRITE_DEPTH_MAX || js_check_stack_overflow(rt, 0))
        return WRITE_GIVE_UP;
    w->depth++;
    switch (p->class_id) {
    case JS_CLASS_ARRAY:
        status = write_array(w, p);
        break;
    case JS_CLASS_DATE:
        status = write_date(w, p);
        break;
    case JS_CLASS_STRING:
    case JS_CLASS_NUMBER:
    case JS_CLASS_BOOLEAN:
    case JS_CLASS_BIG_INT:
    case JS_CLASS_RAWJSON:
        status = WRITE_GIVE_UP;
        break;
    default:
        if (p->is_exotic || !write_chain_is_clean(w, p))
            status = WRITE_GIVE_UP;
        else if (rt->class_array[p->class_id].call || p->class_id == JS_CLASS_BYTECODE_FUNCTION)
            status = write_has_own(p, JS_ATOM_toJSON) ? WRITE_GIVE_UP : WRITE_SKIP;
        else
            status = write_object(w, p);
    }
    w->depth--;
    return status;
}

static int write_value(Writer *w, JSValueConst value)
{
    switch (JS_VALUE_GET_NORM_TAG(value)) {
    case JS_TAG_STRING:
        write_string(w->out, JS_VALUE_GET_STRING(value));
        return WRITE_DONE;
    case JS_TAG_INT:
        number_write_int(w->out, JS_VALUE_GET_INT(value));
        return WRITE_DONE;
    case JS_TAG_OBJECT:
        return write_container(w, JS_VALUE_GET_OBJ(value));
    case JS_TAG_FLOAT64:
        return number_write(w->out, JS_VALUE_GET_FLOAT64(value)) ? WRITE_DONE : WRITE_GIVE_UP;
    case JS_TAG_BOOL:
        if (JS_VALUE_GET_BOOL(value))
            bytes_append(w->out, "true", 4);
        else
            bytes_append(w->out, "false", 5);
        return WRITE_DONE;
    case JS_TAG_NULL:
        bytes_append(w->out, "null", 4);
        return WRITE_DONE;
    case JS_TAG_UNDEFINED:
    case JS_TAG_SYMBOL:
        return WRITE_SKIP;
    case JS_TAG_STRING_ROPE: {
        JSValue flat = JS_ToString(ctx, value);
        if (JS_IsException(flat)) {
            JS_FreeValue(ctx, JS_GetException(ctx));
            return WRITE_GIVE_UP;
        }
        write_string(w->out, JS_VALUE_GET_STRING(flat));
        JS_FreeValue(ctx, flat);
        return WRITE_DONE;
    }
    default: /* BigInt: the engine looks up BigInt.prototype.toJSON and throws without it */
        return WRITE_GIVE_UP;
    }
}

static void write_begin(Writer *w, Bytes *out)
{
    *w = (Writer){ .out = out };
    w->object_clean = !write_has_own(pristine.object_proto, JS_ATOM_toJSON);
    w->array_clean = w->object_clean && !write_has_own(pristine.array_proto, JS_ATOM_toJSON) &&
                     pristine.array_proto->shape->proto == pristine.object_proto;
}

static int write_init(void)
{
    JSObject *date = JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_DATE]);
    JSValue proto = JS_MKPTR(JS_TAG_OBJECT, date);
    pristine.object_proto = JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_OBJECT]);
    pristine.array_proto = JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_ARRAY]);
    pristine.date_proto = date;
    pristine.to_iso = JS_NewAtom(ctx, "toISOString");
    pristine.date_to_json = JS_GetProperty(ctx, proto, JS_ATOM_toJSON);
    pristine.date_to_iso = JS_GetProperty(ctx, proto, pristine.to_iso);
    pristine.date_value_of = JS_GetProperty(ctx, proto, JS_ATOM_valueOf);
    pristine.date_to_primitive = JS_GetProperty(ctx, proto, JS_ATOM_Symbol_toPrimitive);
    return 0;
}
