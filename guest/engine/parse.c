/*
 * Parses JSON text. In a document, containers and the strings of an event's top level stay text until they are read; without
 * one (JSON.parse in user code), all values are made at once. Objects with a known list of keys are made from a cached shape,
 * without looking up atoms or shape transitions.
 */

#define PARSE_PROPS_MAX 64      /* properties of an object on the fast path */
#define PARSE_SHAPES 64         /* cached shapes, by hash of the position in a document */
#define PARSE_EAGER_DEPTH_MAX 100 /* deeper text goes to the engine's own parser */

typedef struct Parser {
    Document *doc;      /* NULL: make all values at once */
    bool strings_lazy;  /* the object's own strings stay text (an event's top level) */
    const uint8_t *p;
    int depth, depth_max;
} Parser;

static JSShape *parse_shapes[PARSE_SHAPES];

static JSValue parse_value(Parser *s, uint32_t site);

static int parse_hex4(const uint8_t *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 4 | from_hex(p[i]);
    return v;
}

/* The string between `p` and `end` (the closing quote), with the flags of scan_string. */
static JSValue parse_string(const uint8_t *p, const uint8_t *end, int flags)
{
    if (p == end)
        return js_empty_string(rt);
    if (likely(flags & SCAN_PLAIN)) {
        if (likely(flags & SCAN_ASCII))
            return js_new_string8_len(ctx, (const char *)p, end - p);
        return JS_NewStringLen(ctx, (const char *)p, end - p);
    }
    StringBuffer buffer;
    if (string_buffer_init(ctx, &buffer, end - p))
        return JS_EXCEPTION;
    while (p < end) {
        uint32_t c = *p;
        if (c == '\\') {
            static const char escapes[] = "b\bf\fn\nr\rt\t";
            const char *e = strchr(escapes, p[1]);
            if (p[1] == 'u') {
                c = parse_hex4(p + 2);
                p += 6;
            } else {
                c = e ? (uint8_t)e[1] : p[1]; /* otherwise one of " \ / */
                p += 2;
            }
            if (string_buffer_putc16(&buffer, c))
                goto fail;
            continue;
        }
        if (c < 0x80) {
            p++;
        } else {
            const uint8_t *next;
            c = utf8_decode(p, &next);
            p = next;
        }
        if (string_buffer_putc(&buffer, c))
            goto fail;
    }
    return string_buffer_end(&buffer);
fail:
    string_buffer_free(&buffer);
    return JS_EXCEPTION;
}

typedef struct ParsedProperty {
    const uint8_t *key;
    uint32_t key_len;
    int key_flags;
    int flags; /* JS_PROP_* */
} ParsedProperty;

static JSAtom parse_atom(const ParsedProperty *part)
{
    if (likely((part->key_flags & (SCAN_PLAIN | SCAN_ASCII)) == (SCAN_PLAIN | SCAN_ASCII)))
        return JS_NewAtomLen(ctx, (const char *)part->key, part->key_len);
    JSValue name = parse_string(part->key, part->key + part->key_len, part->key_flags);
    if (JS_IsException(name))
        return JS_ATOM_NULL;
    return JS_NewAtomStr(ctx, JS_VALUE_GET_STRING(name));
}

/* Parse the value at s->p into *prop; returns the property's flags, or -1. */
static int parse_property(Parser *s, JSProperty *prop, uint32_t site)
{
    const uint8_t *p = s->p, *end;
    int scan;

    if (s->doc && (*p == '{' || *p == '[' || (*p == '"' && s->strings_lazy))) {
        if (!(end = scan_value(p, s->depth + 1, &scan)))
            return -1;
        int span = document_span(s->doc, p, end, scan);
        if (span < 0)
            return -1;
        document_set_lazy(s->doc, prop, span);
        s->p = end;
        return DOCUMENT_LAZY;
    }
    prop->u.value = parse_value(s, site);
    return JS_IsException(prop->u.value) ? -1 : JS_PROP_C_W_E;
}

static bool parse_fits_shape(JSShape *shape, const ParsedProperty *parts, int count)
{
    if (!shape || shape->prop_count != count || !shape->is_hashed)
        return false;
    JSShapeProperty *expected = get_shape_prop(shape);
    for (int i = 0; i < count; i++, expected++) {
        if (expected->flags != parts[i].flags || __JS_AtomIsTaggedInt(expected->atom))
            return false;
        JSString *name = rt->atom_array[expected->atom];
        if (name->len != parts[i].key_len || name->is_wide_char || !(parts[i].key_flags & SCAN_PLAIN) ||
            !(parts[i].key_flags & SCAN_ASCII) || memcmp(str8(name), parts[i].key, parts[i].key_len))
            return false;
    }
    return true;
}

/* Set one property of an object under construction, or replace it for a repeated key. Takes ownership of `prop`. */
static int parse_define(JSObject *object, const ParsedProperty *part, JSProperty prop)
{
    JSProperty *slot;
    JSAtom atom = parse_atom(part);
    if (atom == JS_ATOM_NULL)
        goto fail;
    JSShapeProperty *existing = find_own_property(&slot, object, atom);
    if (unlikely(existing != NULL)) {
        if (js_shape_prepare_update(ctx, object, &existing))
            goto fail_atom;
        JSProperty old = *slot;
        int old_flags = existing->flags;
        *slot = prop;
        existing->flags = part->flags;
        shapes_free_property(rt, &old, old_flags);
    } else {
        slot = add_property(ctx, object, atom, part->flags);
        if (!slot)
            goto fail_atom;
        *slot = prop;
    }
    JS_FreeAtom(ctx, atom);
    return 0;
fail_atom:
    JS_FreeAtom(ctx, atom);
fail:
    shapes_free_property(rt, &prop, part->flags);
    return -1;
}

/* Define all `*count` properties. They are consumed even on failure, and *count becomes 0. */
static int parse_define_all(JSValue object, const ParsedProperty *parts, JSProperty *props, int *count)
{
    int i, n = *count;
    *count = 0;
    for (i = 0; i < n; i++)
        if (parse_define(JS_VALUE_GET_OBJ(object), &parts[i], props[i]))
            break;
    if (i == n)
        return 0;
    while (++i < n)
        shapes_free_property(rt, &props[i], parts[i].flags);
    return -1;
}

static JSValue parse_object(Parser *s, uint32_t site)
{
    ParsedProperty parts[PARSE_PROPS_MAX];
    JSProperty props[PARSE_PROPS_MAX];
    int count = 0;
    JSValue object = JS_UNDEFINED; /* made when there are too many properties, or at the end */
    const uint8_t *p = scan_space(s->p + 1);

    if (*p == '}') {
        s->p = p + 1;
        return JS_NewObject(ctx);
    }
    for (;;) {
        if (unlikely(count == PARSE_PROPS_MAX)) {
            if (JS_IsUndefined(object) && JS_IsException(object = JS_NewObject(ctx)))
                goto fail;
            if (parse_define_all(object, parts, props, &count))
                goto fail;
        }
        ParsedProperty *part = &parts[count];
        if (*p != '"') {
            scan_error = "expected a property name";
            goto fail;
        }
        part->key = p + 1;
        if (!(p = scan_string(part->key, &part->key_flags)))
            goto fail;
        part->key_len = p - part->key;
        p = scan_space(p + 1);
        if (*p != ':') {
            scan_error = "expected ':' after a property name";
            goto fail;
        }
        s->p = scan_space(p + 1);
        part->flags = parse_property(s, &props[count], site + part->key_len * 7 + part->key[0]);
        if (part->flags < 0)
            goto fail;
        count++;
        p = scan_space(s->p);
        if (*p == '}')
            break;
        if (*p != ',') {
            scan_error = "expected ',' or '}'";
            goto fail;
        }
        p = scan_space(p + 1);
    }
    s->p = p + 1;

    if (likely(JS_IsUndefined(object))) {
        JSShape **known = &parse_shapes[(site * 0x9e3779b1u) >> 26];
        if (likely(parse_fits_shape(*known, parts, count)))
            return JS_NewObjectFromShape(ctx, js_dup_shape(*known), JS_CLASS_OBJECT, props);
        if (JS_IsException(object = JS_NewObject(ctx)))
            goto fail;
        int total = count;
        if (parse_define_all(object, parts, props, &count))
            goto fail;
        JSShape *shape = JS_VALUE_GET_OBJ(object)->shape;
        if (shape->is_hashed && shape->prop_count == total) {
            js_free_shape_null(rt, *known);
            *known = js_dup_shape(shape);
        }
        return object;
    }
    if (parse_define_all(object, parts, props, &count))
        goto fail;
    return object;
fail:
    for (int i = 0; i < count; i++)
        shapes_free_property(rt, &props[i], parts[i].flags);
    JS_FreeValue(ctx, object);
    return JS_EXCEPTION;
}

static JSValue parse_array(Parser *s, uint32_t site)
{
    JSValue array = JS_NewArray(ctx);
    if (JS_IsException(array))
        return array;
    const uint8_t *p = scan_space(s->p + 1);
    if (*p == ']') {
        s->p = p + 1;
        return array;
    }
    JSObject *object = JS_VALUE_GET_OBJ(array);
    for (uint32_t count = 0;;) {
        s->p = p;
        JSValue element = parse_value(s, site);
        if (JS_IsException(element))
            goto fail;
        if (count >= object->u.array.u1.size && expand_fast_array(ctx, object, count + 1)) {
            JS_FreeValue(ctx, element);
            goto fail;
        }
        object->u.array.u.values[count++] = element;
        object->u.array.count = count;
        object->prop[0].u.value = js_uint32(count);
        p = scan_space(s->p);
        if (*p == ']')
            break;
        if (*p != ',') {
            scan_error = "expected ',' or ']'";
            goto fail;
        }
        p = scan_space(p + 1);
    }
    s->p = p + 1;
    return array;
fail:
    JS_FreeValue(ctx, array);
    return JS_EXCEPTION;
}

/*
 * Parse the value at s->p, and advance s->p behind it. In a document, members of an object are lazy, elements of an array are
 * not. On failure returns JS_EXCEPTION: either an exception is pending (out of memory), or scan_error describes the error in
 * the text.
 */
static JSValue parse_value(Parser *s, uint32_t site)
{
    const uint8_t *p = s->p, *end;
    JSValue value;
    int flags;

    switch (*p) {
    case '{':
    case '[':
        if (s->depth >= s->depth_max || (!s->doc && js_check_stack_overflow(rt, 0))) {
            scan_error = scan_too_deep;
            return JS_EXCEPTION;
        }
        s->depth++;
        value = *p == '{' ? parse_object(s, site) : parse_array(s, site + 1);
        s->depth--;
        return value;
    case '"':
        if (!(end = scan_string(p + 1, &flags)))
            return JS_EXCEPTION;
        s->p = end + 1;
        return parse_string(p + 1, end, flags);
    case 't':
    case 'f':
    case 'n':
        if (!(s->p = scan_value(p, 0, &flags)))
            return JS_EXCEPTION;
        return *p == 't' ? JS_TRUE : *p == 'f' ? JS_FALSE : JS_NULL;
    default:
        if (!(end = scan_value(p, 0, &flags)))
            return JS_EXCEPTION;
        s->p = end;
        return number_parse(p, end);
    }
}

/* The value of a span of a document, whose text was validated when the span was made. */
static JSValue document_value(Document *doc, uint32_t span, uint32_t site)
{
    Parser s = { .doc = doc, .p = doc->text + doc->spans[span].start, .depth_max = SCAN_DEPTH_MAX };
    return parse_value(&s, site);
}

/* A lazy property could not be parsed for lack of memory, and the engine has made it undefined permanently. */
static bool document_lost;

/* QuickJS calls this when a lazy property is first read (see engine.c). */
static JSValue js_module_ns_autoinit(JSContext *realm, JSObject *object, JSAtom atom, void *opaque)
{
    JSValue value = document_value((Document *)realm, (uint32_t)(uintptr_t)opaque, atom);
    if (JS_IsException(value) && !JS_HasException(ctx))
        JS_ThrowInternalError(ctx, "%s", scan_error); /* cannot happen: the text was scanned before */
    document_lost |= JS_IsException(value);
    return value;
}
