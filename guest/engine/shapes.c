/*
 * Shapes outlive their objects for a while. QuickJS frees a shape with the last object that has it, so that a function
 * which makes {a, b} for one event and lets go of it makes the shape of it, property by property, again for the next.
 * Here the last few shapes are kept, and the one of {} for good: then a literal finds every shape on its way.
 *
 * Kept are only plain objects' shapes: another prototype would be held by them, which somebody may be watching.
 */

static void engine_free_shape(JSRuntime *r, JSShape *shape);

#define SHAPES_KEPT 256         /* a power of two */
#define SHAPES_PROPERTIES_MAX 64

static struct {
    JSShape *kept[SHAPES_KEPT]; /* a reference each; the oldest goes first */
    uint32_t next;
} shapes;

/* In place of js_free_shape0, which is called where nobody has `shape` any more. */
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

static int shapes_init(void) { return JS_IsException(JS_NewObject(ctx)) ? -1 : 0; /* never freed: its shape stays */ }
