/*
 * Fast paths of RegExp.prototype's exec, test and [Symbol.replace]. The specification makes them look up `exec`, `flags` and
 * `lastIndex` as observable properties, and make an array for every match. For an unmodified RegExp object and an unmodified
 * RegExp.prototype none of that is observable, so these functions only match. All other cases go to QuickJS's own functions,
 * which engine.c renames to engine_*.
 */

static JSValue engine_regexp_exec(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv);
static JSValue engine_regexp_test(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv);
static JSValue engine_regexp_replace(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv);

#define REPLACE_SLOTS_MAX 32 /* most captures and registers of an expression on the fast path */
#define REPLACE_GROUPS_MAX 9 /* most groups, including the match itself, with a replacer function */

/* A property of RegExp.prototype that a replacement looks up: its place, and its function before user code ran. */
typedef struct Lookup {
    JSAtom atom;
    uint32_t index;
    bool getter;
    JSObject *function;
} Lookup;

static const char *const replace_getters[] = { "flags",  "hasIndices", "global",      "ignoreCase", "multiline",
                                               "dotAll", "unicode",    "unicodeSets", "sticky" };
static Lookup replace_lookups[1 + countof(replace_getters)]; /* `exec`, then the getters */

static int replace_take_lookup(Lookup *lookup, JSObject *proto, JSAtom atom)
{
    JSProperty *property;
    JSShapeProperty *found = find_own_property(&property, proto, atom);
    if (!found)
        return -1;
    lookup->atom = atom;
    lookup->index = property - proto->prop;
    lookup->getter = (found->flags & JS_PROP_TMASK) == JS_PROP_GETSET;
    lookup->function = lookup->getter ? property->u.getset.getter : JS_VALUE_GET_OBJ(property->u.value);
    return 0;
}

static int replace_init(void)
{
    JSValue proto = ctx->class_proto[JS_CLASS_REGEXP];
    JS_FreeValue(ctx, JS_GetProperty(ctx, proto, JS_ATOM_exec)); /* built-in functions are made when first read */
    if (replace_take_lookup(&replace_lookups[0], JS_VALUE_GET_OBJ(proto), JS_ATOM_exec))
        return -1;
    for (int i = 0; i < countof(replace_getters); i++) {
        JSAtom atom = JS_NewAtom(ctx, replace_getters[i]); /* never freed */
        if (replace_take_lookup(&replace_lookups[1 + i], JS_VALUE_GET_OBJ(proto), atom))
            return -1;
    }
    return 0;
}

/* Whether the first `count` lookups still find their original functions. */
static inline bool replace_is_intact(int count)
{
    JSObject *proto = JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_REGEXP]);
    JSShapeProperty *shape = get_shape_prop(proto->shape);
    for (const Lookup *l = replace_lookups; l < replace_lookups + count; l++) {
        if (l->index >= (uint32_t)proto->shape->prop_count || shape[l->index].atom != l->atom)
            return false;
        const JSProperty *property = &proto->prop[l->index];
        int kind = shape[l->index].flags & JS_PROP_TMASK;
        if (l->getter ? kind != JS_PROP_GETSET || property->u.getset.getter != l->function
                      : kind || JS_VALUE_GET_TAG(property->u.value) != JS_TAG_OBJECT ||
                            JS_VALUE_GET_OBJ(property->u.value) != l->function)
            return false;
    }
    return true;
}

/* The RegExp object `value` if it has no own property but an integer `lastIndex`, and `subject` is a flat string; or NULL. */
static inline JSObject *replace_plain(JSContext *c, JSValueConst value, JSValueConst subject)
{
    if (JS_VALUE_GET_TAG(value) != JS_TAG_OBJECT || JS_VALUE_GET_TAG(subject) != JS_TAG_STRING)
        return NULL;
    JSObject *p = JS_VALUE_GET_OBJ(value);
    if (p->class_id != JS_CLASS_REGEXP || p->shape != c->regexp_shape ||
        JS_VALUE_GET_TAG(p->prop[0].u.value) != JS_TAG_INT ||
        lre_get_alloc_count(str8(p->u.regexp.bytecode)) > REPLACE_SLOTS_MAX)
        return NULL;
    return p;
}

static JSValue replace_failure(JSContext *c, int status)
{
    if (status == LRE_RET_TIMEOUT) {
        JS_ThrowInterrupted(c);
        return JS_EXCEPTION;
    }
    return JS_ThrowInternalError(c, status == LRE_RET_MEMORY_ERROR ? "out of memory in regexp execution"
                                                                  : "corrupted bytecode in regexp execution");
}

/* RegExpBuiltinExec without making its result: 1 for a match, in `capture`; 0 for none; negative with an exception pending. */
static int replace_match(JSContext *c, JSObject *p, JSString *subject, uint8_t **capture)
{
    const uint8_t *bytecode = str8(p->u.regexp.bytecode);
    bool moves = lre_get_flags(bytecode) & (LRE_FLAG_GLOBAL | LRE_FLAG_STICKY);
    int from = moves ? max_int(JS_VALUE_GET_INT(p->prop[0].u.value), 0) : 0, found = 0, shift = subject->is_wide_char;

    if (from <= (int)subject->len) {
        found = regexp_exec(capture, bytecode, str8(subject), from, subject->len, shift, c);
        if (unlikely(found < 0)) {
            replace_failure(c, found);
            return found;
        }
    }
    if (moves)
        p->prop[0].u.value = js_int32(found ? (capture[1] - str8(subject)) >> shift : 0);
    return found;
}

static JSValue replace_group(JSContext *c, JSString *subject, uint8_t *const *capture)
{
    if (!capture[0] || !capture[1])
        return JS_UNDEFINED;
    int shift = subject->is_wide_char;
    return js_sub_string(c, subject, (capture[0] - str8(subject)) >> shift, (capture[1] - str8(subject)) >> shift);
}

static JSValue js_regexp_exec(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    JSObject *p = replace_plain(c, this_val, argv[0]);
    if (!p || lre_get_flags(str8(p->u.regexp.bytecode)) & (LRE_FLAG_NAMED_GROUPS | LRE_FLAG_INDICES))
        return engine_regexp_exec(c, this_val, argc, argv);
    uint8_t *capture[REPLACE_SLOTS_MAX];
    JSString *subject = JS_VALUE_GET_STRING(argv[0]);
    int found = replace_match(c, p, subject, capture), count = lre_get_capture_count(str8(p->u.regexp.bytecode));
    if (found != 1)
        return found ? JS_EXCEPTION : JS_NULL;

    JSProperty properties[4] = { /* in the order of regexp_result_shape */
        { .u.value = js_int32(count) },
        { .u.value = js_int32((capture[0] - str8(subject)) >> subject->is_wide_char) },
        { .u.value = js_dup(argv[0]) },
        { .u.value = JS_UNDEFINED },
    };
    JSValue result = JS_NewObjectFromShape(c, js_dup_shape(c->regexp_result_shape), JS_CLASS_ARRAY, properties);
    if (JS_IsException(result))
        return result;
    JSObject *array = JS_VALUE_GET_OBJ(result);
    if (expand_fast_array(c, array, count))
        goto fail;
    for (int i = 0; i < count; i++) {
        JSValue group = replace_group(c, subject, capture + 2 * i);
        if (JS_IsException(group))
            goto fail;
        array->u.array.u.values[i] = group;
        array->u.array.count = i + 1;
    }
    return result;
fail:
    JS_FreeValue(c, result);
    return JS_EXCEPTION;
}

static JSValue js_regexp_test(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    JSObject *p = replace_plain(c, this_val, argv[0]);
    if (!p || !replace_is_intact(1))
        return engine_regexp_test(c, this_val, argc, argv);
    uint8_t *capture[REPLACE_SLOTS_MAX];
    int found = replace_match(c, p, JS_VALUE_GET_STRING(argv[0]), capture);
    return found < 0 ? JS_EXCEPTION : js_bool(found);
}

/* All matches of an expression in a string, found before anything is replaced. Groups are pairs of positions, or -1. */
typedef struct Matches {
    int *places; /* `groups` pairs per match; `few`, or on the heap */
    int groups, count, size;
    int few[32];
} Matches;

static int matches_add(JSContext *c, Matches *m, JSString *subject, uint8_t *const *capture)
{
    if (m->count == m->size) {
        int size = m->size * 2 + 4;
        int *kept = m->places == m->few ? NULL : m->places;
        int *places = js_realloc(c, kept, (size_t)size * m->groups * 2 * sizeof(int));
        if (!places)
            return -1;
        if (!kept)
            memcpy(places, m->few, (size_t)m->count * m->groups * 2 * sizeof(int));
        m->places = places;
        m->size = size;
    }
    int *place = m->places + m->count++ * m->groups * 2;
    for (int i = 0; i < 2 * m->groups; i += 2) {
        bool found = capture[i] && capture[i + 1];
        place[i] = found ? (capture[i] - str8(subject)) >> subject->is_wide_char : -1;
        place[i + 1] = found ? (capture[i + 1] - str8(subject)) >> subject->is_wide_char : -1;
    }
    return 0;
}

/* Find all matches of a global expression, or the first of another, and set `lastIndex` like [Symbol.replace]. */
static int matches_find(JSContext *c, Matches *m, JSObject *p, JSString *subject)
{
    const uint8_t *bytecode = str8(p->u.regexp.bytecode);
    uint8_t *capture[REPLACE_SLOTS_MAX];
    int flags = lre_get_flags(bytecode), len = subject->len, found;
    bool global = flags & LRE_FLAG_GLOBAL, unicode = flags & (LRE_FLAG_UNICODE | LRE_FLAG_UNICODE_SETS);

    if (global)
        p->prop[0].u.value = js_int32(0);
    for (int from = 0; from <= len;) {
        found = regexp_exec(capture, bytecode, str8(subject), from, len, subject->is_wide_char, c);
        if (unlikely(found < 0)) {
            if (global)
                p->prop[0].u.value = js_int32(from);
            replace_failure(c, found);
            return -1;
        }
        if (!found)
            break;
        if (matches_add(c, m, subject, capture))
            return -1;
        if (!global)
            break;
        from = (capture[1] - str8(subject)) >> subject->is_wide_char;
        if (capture[0] == capture[1])
            from = string_advance_index(subject, from, unicode);
    }
    return 0;
}

static JSValue matches_group(JSContext *c, JSString *subject, const int *place)
{
    return place[0] < 0 ? JS_UNDEFINED : js_sub_string(c, subject, place[0], place[1]);
}

/* The replacement of a match by a replacer function. */
static JSValue replace_by_function(JSContext *c, JSValueConst function, JSValueConst subject, const Matches *m,
                                   const int *place)
{
    JSValue arguments[REPLACE_GROUPS_MAX + 2], result = JS_EXCEPTION;
    int count = 0;
    while (count < m->groups) {
        arguments[count] = matches_group(c, JS_VALUE_GET_STRING(subject), place + 2 * count);
        if (JS_IsException(arguments[count]))
            goto done;
        count++;
    }
    arguments[count] = js_int32(place[0]);
    arguments[count + 1] = unsafe_unconst(subject);
    result = JS_ToStringFree(c, JS_Call(c, function, JS_UNDEFINED, count + 2, (JSValueConst *)arguments));
done:
    while (count)
        JS_FreeValue(c, arguments[--count]);
    return result;
}

/* The replacement of a match by a template with `$`. */
static JSValue replace_by_template(JSContext *c, JSValueConst template, JSValueConst subject, const Matches *m,
                                   const int *place)
{
    JSValue groups[REPLACE_SLOTS_MAX], tab, result = JS_EXCEPTION;
    int count = 0;
    while (count < m->groups) {
        groups[count] = matches_group(c, JS_VALUE_GET_STRING(subject), place + 2 * count);
        if (JS_IsException(groups[count]))
            goto done;
        count++;
    }
    tab = js_create_array(c, count, (JSValueConst *)groups);
    if (!JS_IsException(tab)) {
        JSValueConst arguments[6] = { groups[0], subject, js_int32(place[0]), tab, JS_UNDEFINED, template };
        result = js_string___GetSubstitution(c, JS_UNDEFINED, 6, arguments);
        JS_FreeValue(c, tab);
    }
done:
    while (count)
        JS_FreeValue(c, groups[--count]);
    return result;
}

static JSValue replace_all(JSContext *c, JSValueConst subject, JSValueConst by, const Matches *m)
{
    JSString *s = JS_VALUE_GET_STRING(subject), *text = JS_IsString(by) ? JS_VALUE_GET_STRING(by) : NULL;
    bool verbatim = text && string_indexof_char(text, '$', 0) < 0;
    StringBuffer out;
    int next = 0;

    if (m->count == 0)
        return js_dup(subject);
    if (string_buffer_init2(c, &out, s->len + 2 * min_int(m->count, 16), s->is_wide_char))
        return JS_EXCEPTION;
    for (const int *place = m->places, *end = place + m->count * m->groups * 2; place < end; place += m->groups * 2) {
        JSValue piece = verbatim ? JS_UNDEFINED
                        : text   ? replace_by_template(c, by, subject, m, place)
                                 : replace_by_function(c, by, subject, m, place);
        if (JS_IsException(piece)) {
            string_buffer_free(&out);
            return JS_EXCEPTION;
        }
        if (place[0] >= next) { /* with the flag `u`, a match can begin before the last one's end */
            string_buffer_concat(&out, s, next, place[0]);
            string_buffer_concat_value(&out, verbatim ? by : piece);
            next = place[1];
        }
        JS_FreeValue(c, piece);
        if (unlikely(out.error_status)) /* too long: an exception is pending */
            return JS_EXCEPTION;
    }
    string_buffer_concat(&out, s, next, s->len);
    return string_buffer_end(&out);
}

/* Fast path for expressions that match single characters, with a short literal replacement; undefined if it does not apply. */
static JSValue replace_characters(JSContext *c, JSObject *p, JSValueConst subject, JSValueConst by)
{
    const RegexpSet *set = regexp_single(str8(p->u.regexp.bytecode));
    JSString *s = JS_VALUE_GET_STRING(subject);
    if (!set || set->beyond || s->is_wide_char || JS_VALUE_GET_TAG(by) != JS_TAG_STRING)
        return JS_UNDEFINED;
    JSString *piece = JS_VALUE_GET_STRING(by);
    if (piece->is_wide_char || piece->len > 16 || string_indexof_char(piece, '$', 0) >= 0)
        return JS_UNDEFINED;
    const uint8_t *from = str8(s), *end = from + s->len;
    uint64_t count = 0;
    for (const uint8_t *at = from; at < end; at++)
        count += regexp_has(set, *at);
    uint64_t len = s->len - count + count * piece->len;
    if (len > JS_STRING_LEN_MAX)
        return JS_UNDEFINED;
    p->prop[0].u.value = js_int32(0);
    if (count == 0 || len == 0)
        return count ? js_empty_string(c->rt) : js_dup(subject);
    JSString *made = js_alloc_string(c, len, false);
    if (!made)
        return JS_EXCEPTION;
    uint8_t *to = str8(made);
    for (; from < end; from++) {
        if (!regexp_has(set, *from)) {
            *to++ = *from;
            continue;
        }
        for (uint32_t i = 0; i < piece->len; i++)
            *to++ = str8(piece)[i];
    }
    *to = 0;
    return JS_MKPTR(JS_TAG_STRING, made);
}

static JSValue js_regexp_Symbol_replace(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    JSObject *p = replace_plain(c, this_val, argv[0]);
    bool function = JS_IsFunction(c, argv[1]);
    if (!p || !(function || JS_VALUE_GET_TAG(argv[1]) == JS_TAG_STRING))
        return engine_regexp_replace(c, this_val, argc, argv);
    Matches matches;
    matches.groups = lre_get_capture_count(str8(p->u.regexp.bytecode));
    matches.count = 0;
    matches.size = countof(matches.few) / (2 * matches.groups);
    matches.places = matches.few;
    if (lre_get_flags(str8(p->u.regexp.bytecode)) & (LRE_FLAG_STICKY | LRE_FLAG_NAMED_GROUPS) ||
        (function && matches.groups > REPLACE_GROUPS_MAX) || !replace_is_intact(countof(replace_lookups)))
        return engine_regexp_replace(c, this_val, argc, argv);
    JSValue result = replace_characters(c, p, argv[0], argv[1]);
    if (!JS_IsUndefined(result))
        return result;
    result = JS_EXCEPTION;
    if (matches_find(c, &matches, p, JS_VALUE_GET_STRING(argv[0])) == 0)
        result = replace_all(c, argv[0], argv[1], &matches);
    if (matches.places != matches.few)
        js_free(c, matches.places);
    return result;
}
