/*
 * A cache of shapes. QuickJS frees a shape with its last object, so a function that makes and drops {a, b} for every event
 * rebuilds the shape each time, property by property. Here, the most recently freed shapes are kept, and the shape of {}
 * forever, so that an object literal finds all shapes that it passes through.
 *
 * Only shapes of plain objects are kept. Another prototype would be kept alive by its shape, which is observable.
 */

static void engine_free_shape(JSRuntime *r, JSShape *shape);

#define SHAPES_KEPT 128         /* a power of two */
#define SHAPES_PROPERTIES_MAX 64
#define SHAPES_ROOM 5           /* initial capacity of plain objects in properties: a block of 48 bytes */
#define SHAPES_HASH 8           /* at least SHAPES_ROOM, a power of two */

static struct {
    JSShape *kept[SHAPES_KEPT]; /* a ring buffer; holds a reference to each */
    uint32_t next;
} shapes;

/* Replaces js_free_shape0, which frees a shape without references. */
static void shapes_free(JSRuntime *r, JSShape *shape)
{
    if (!ctx || !shape->is_hashed || shape->prop_count > SHAPES_PROPERTIES_MAX || r->gc_phase != JS_GC_PHASE_NONE ||
        shape->proto != JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_OBJECT])) {
        engine_free_shape(r, shape);
        return;
    }
    JSShape **slot = &shapes.kept[shapes.next++ % SHAPES_KEPT], *old = *slot;
    JS_REF_COUNT(shape) = 1;
    *slot = shape;
    if (old && --JS_REF_COUNT(old) == 0)
        engine_free_shape(r, old);
}

static void engine_free_property(JSRuntime *r, JSProperty *property, int flags);

/* Replaces free_property. */
static inline void shapes_free_property(JSRuntime *r, JSProperty *property, int flags)
{
    if (likely(!(flags & JS_PROP_TMASK)))
        JS_FreeValueRT(r, property->u.value);
    else
        engine_free_property(r, property, flags);
}

/* The shape of functions with `length` and `name`, which new functions get in one step. */
static JSShape *shapes_functions;

static void engine_function_set(JSContext *c, JSValue function, JSAtom name, int length);

/* Replaces js_function_set_properties. */
static void shapes_function(JSContext *c, JSValue function, JSAtom name, int length)
{
    JSObject *p = JS_VALUE_GET_OBJ(function);
    JSShape *shape = shapes_functions, *old = p->shape;
    if (!shape || old->prop_count || !old->is_hashed || old->proto != shape->proto || old->prop_size != shape->prop_size ||
        __JS_AtomIsTaggedInt(name)) {
        engine_function_set(c, function, name, length);
        return;
    }
    p->prop[0].u.value = js_int32(length);
    p->prop[1].u.value = JS_AtomToString(c, name);
    p->shape = js_dup_shape(shape);
    js_free_shape(c->rt, old);
}

int engine_define_value(JSContext *c, JSValueConst object, JSAtom name, JSValue value, int flags);

/* Replaces JS_DefinePropertyValue: a new property of a plain object is added directly. */
static int shapes_define(JSContext *c, JSValueConst object, JSAtom name, JSValue value, int flags)
{
    if (likely(JS_VALUE_GET_TAG(object) == JS_TAG_OBJECT)) {
        JSObject *p = JS_VALUE_GET_OBJ(object);
        JSProperty *property;
        if (p->class_id == JS_CLASS_OBJECT && !p->is_exotic && p->extensible &&
            !(flags & (JS_PROP_TMASK | JS_PROP_HAS_GET | JS_PROP_HAS_SET)) && !find_own_property(&property, p, name)) {
            property = add_property(c, p, name, flags & JS_PROP_C_W_E);
            if (likely(property)) {
                property->u.value = value;
                return true;
            }
            JS_FreeValue(c, value);
            return -1;
        }
    }
    return engine_define_value(c, object, name, value, flags);
}

int JS_DefinePropertyValue(JSContext *c, JSValueConst object, JSAtom name, JSValue value, int flags)
{
    return shapes_define(c, object, name, value, flags);
}

static int shapes_init(void)
{
    JSValue function = JS_NewObjectProtoClass(ctx, ctx->function_proto, JS_CLASS_OBJECT);
    if (JS_IsException(function) || !js_new_shape2(ctx, JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_OBJECT]),
                                                   SHAPES_HASH, SHAPES_ROOM))
        return -1;
    engine_function_set(ctx, function, JS_ATOM_empty_string, 0);
    shapes_functions = js_dup_shape(JS_VALUE_GET_OBJ(function)->shape);
    JS_FreeValue(ctx, function);
    return 0;
}
