/*
 * Caches for globals, methods of strings and own properties of objects. QuickJS looks a name up in the hash table of every
 * object on the way; here, the place where it was found last is tried first. The property there has its name, which is
 * compared, so the caches need no invalidation when objects change.
 */

static JSValue engine_get_global(JSContext *c, JSAtom name, bool must_exist);
static JSValue engine_get_property(JSContext *c, JSValueConst value, JSAtom name, JSValueConst this_val, bool must_exist);

#define LOOKUP_PLACES 64 /* a power of two */

typedef struct LookupPlace {
    JSAtom name;
    uint32_t index;
    int scoped; /* globals: number of script-level `let` and `const` at that time, none of which has this name */
} LookupPlace;

static LookupPlace lookup_globals[LOOKUP_PLACES], lookup_methods[LOOKUP_PLACES];

/* By name, the index of the property in the last object that had it. Objects that are used together often have equal shapes. */
static uint8_t lookup_places[256];

static no_inline JSShapeProperty *lookup_anew(JSAtom name, JSProperty **found, JSObject *p)
{
    JSShapeProperty *property = engine_find_own_property(name, found, p);
    if (property)
        lookup_places[name % countof(lookup_places)] = *found - p->prop;
    return property;
}

/* Replaces find_own_property. */
static inline JSShapeProperty *lookup_own(JSAtom name, JSProperty **found, JSObject *p)
{
    uint32_t index = lookup_places[name % countof(lookup_places)];
    JSShapeProperty *property = &get_shape_prop(p->shape)[index];
    if (unlikely(index >= (uint32_t)p->shape->prop_count || property->atom != name))
        return lookup_anew(name, found, p);
    *found = &p->prop[index];
    return property;
}

/* The own property of `p` at `index` if it is a plain one called `name`, else NULL. */
static inline const JSProperty *lookup_at(JSObject *p, uint32_t index, JSAtom name)
{
    if (index >= (uint32_t)p->shape->prop_count)
        return NULL;
    const JSShapeProperty *property = &get_shape_prop(p->shape)[index];
    return property->atom == name && !(property->flags & JS_PROP_TMASK) ? &p->prop[index] : NULL;
}

/* Cache the place of the own property `name` of `p`, if it exists. */
static void lookup_note(LookupPlace *place, JSObject *p, JSAtom name)
{
    JSProperty *property;
    if (find_own_property(&property, p, name)) {
        place->name = name;
        place->index = property - p->prop;
    }
}

/* Replaces JS_GetGlobalVar. */
static JSValue lookup_global(JSContext *c, JSAtom name, bool must_exist)
{
    LookupPlace *place = &lookup_globals[name % LOOKUP_PLACES];
    JSObject *global = JS_VALUE_GET_OBJ(c->global_obj), *scope = JS_VALUE_GET_OBJ(c->global_var_obj);
    if (likely(place->name == name && place->scoped == scope->shape->prop_count)) {
        const JSProperty *property = lookup_at(global, place->index, name);
        if (likely(property != NULL))
            return js_dup(property->u.value);
    }
    JSProperty *own;
    if (!find_own_property(&own, scope, name)) {
        lookup_note(place, global, name);
        place->scoped = scope->shape->prop_count;
    }
    return engine_get_global(c, name, must_exist);
}

/* Get a property of a string, other than `length`. */
static inline JSValue lookup_method(JSContext *c, JSValueConst string, JSAtom name, JSValueConst this_val, bool must_exist)
{
    if (__JS_AtomIsTaggedInt(name)) /* a character of the string */
        return engine_get_property(c, string, name, this_val, must_exist);
    LookupPlace *place = &lookup_methods[name % LOOKUP_PLACES];
    JSObject *proto = JS_VALUE_GET_OBJ(c->class_proto[JS_CLASS_STRING]);
    if (likely(place->name == name)) {
        const JSProperty *property = lookup_at(proto, place->index, name);
        if (likely(property != NULL))
            return js_dup(property->u.value);
    }
    JSValue value = engine_get_property(c, string, name, this_val, must_exist);
    lookup_note(place, proto, name);
    return value;
}

/* Replaces JS_GetPropertyInternal. */
static inline JSValue lookup_property(JSContext *c, JSValueConst value, JSAtom name, JSValueConst this_val, bool must_exist)
{
    if (JS_VALUE_GET_TAG(value) == JS_TAG_STRING)
        return name == JS_ATOM_length ? js_int32(JS_VALUE_GET_STRING(value)->len) :
                                        lookup_method(c, value, name, this_val, must_exist);
    return engine_get_property(c, value, name, this_val, must_exist);
}
