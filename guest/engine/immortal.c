/*
 * Immortal objects: references to the atoms, objects and code of the base image are not counted. So events do not write to
 * their pages, and using a built-in function costs half.
 */

/* The reference count of an immortal object; every negative count means immortal. One place in QuickJS decrements the count
 * without a check: before that can wrap to a positive number, the next reference makes it negative again. */
#define IMMORTAL (INT32_MIN / 2)

static int32_t immortal_atoms_end; /* atoms below are immortal; tagged integers are negative */

static inline bool immortal_atom(JSAtom atom) { return (int32_t)atom < immortal_atoms_end; }

/* Replaces js_free_string. */
static inline void immortal_free_string(JSRuntime *r, JSString *string)
{
    if (JS_REF_COUNT(string) >= 0)
        engine_free_string(r, string);
}

/* Order the free list of the atom table, so that new atoms get adjacent places, directly behind the immortal ones. */
static void immortal_atoms(void)
{
    uint32_t next = 0;
    for (uint32_t i = rt->atom_size - 1; i >= (uint32_t)immortal_atoms_end; i--)
        if (atom_is_free(rt->atom_array[i])) {
            rt->atom_array[i] = atom_set_free(next);
            next = i;
        }
    rt->atom_free_index = next;
}

/* Built-in functions are made when they are first read. Read these now, so that not every sandbox has to make them. */
static const char *const immortal_builtins[] = {
    "Object", "Function", "Array", "String", "Number", "Boolean", "Symbol", "RegExp", "Date",
    "Math", "JSON", "Map", "Set", "Promise", "Error", "Reflect",
};

static int immortal_properties(JSValueConst object)
{
    JSPropertyEnum *names;
    uint32_t count;
    if (JS_GetOwnPropertyNames(ctx, &names, &count, object, JS_GPN_STRING_MASK | JS_GPN_SYMBOL_MASK) < 0)
        return -1;
    int found = 0;
    for (uint32_t i = 0; i < count && found >= 0; i++) {
        JSPropertyDescriptor property;
        found = JS_GetOwnProperty(ctx, &property, object, names[i].atom);
        if (found > 0)
            js_free_desc(ctx, &property);
    }
    JS_FreePropertyEnum(ctx, names, count);
    return found;
}

static int immortal_make(void)
{
    int done = immortal_properties(ctx->global_obj);
    for (int i = 0; i < countof(immortal_builtins) && done >= 0; i++) {
        JSValue object = JS_GetPropertyStr(ctx, ctx->global_obj, immortal_builtins[i]);
        JSValue prototype = JS_GetPropertyStr(ctx, object, "prototype");
        done = immortal_properties(object);
        if (done >= 0 && JS_IsObject(prototype))
            done = immortal_properties(prototype);
        JS_FreeValue(ctx, prototype);
        JS_FreeValue(ctx, object);
    }
    return done;
}

#define IMMORTAL_ATOM_ROOM 128  /* new atoms, at least, before the atom table grows */
#define IMMORTAL_ATOM_HASH 1024 /* for some 2,500 atoms: half the usual size, but a page less that every function writes to */

/* Shrink the atom table to end soon after the immortal atoms, so that its new entries are near the next block in memory. */
static void immortal_trim(void)
{
    JSAtomStruct **table = js_malloc_rt(rt, (immortal_atoms_end + IMMORTAL_ATOM_ROOM) * sizeof(*table));
    if (!table)
        return;
    uint32_t room = heap_block_usable(rt, table) / sizeof(*table);
    memcpy(table, rt->atom_array, min_uint32(room, rt->atom_size) * sizeof(*table));
    for (uint32_t i = rt->atom_size; i < room; i++)
        table[i] = atom_set_free(0);
    js_free_rt(rt, rt->atom_array);
    rt->atom_array = table;
    rt->atom_size = room;
}

/* Make everything that exists now immortal. Garbage collection does not visit it either, so whatever these objects refer to
 * counts as referenced from outside. */
static void immortal_all(void)
{
    if (JS_ResizeAtomHash(rt, IMMORTAL_ATOM_HASH) == 0)
        rt->atom_count_resize = 4 * IMMORTAL_ATOM_HASH;
    immortal_atoms_end = rt->atom_size;
    while (atom_is_free(rt->atom_array[immortal_atoms_end - 1]))
        immortal_atoms_end--;
    immortal_trim();
    for (int32_t i = 1; i < immortal_atoms_end; i++)
        if (!atom_is_free(rt->atom_array[i]))
            JS_REF_COUNT(rt->atom_array[i]) = IMMORTAL;
    struct list_head *link, *next;
    list_for_each_safe(link, next, &rt->gc_obj_list) {
        JSGCObjectHeader *p = list_entry(link, JSGCObjectHeader, link);
        if (JS_GC_TYPE(p) == JS_GC_OBJ_TYPE_JS_OBJECT || JS_GC_TYPE(p) == JS_GC_OBJ_TYPE_FUNCTION_BYTECODE)
            JS_REF_COUNT(p) = IMMORTAL;
        init_list_head(link);
    }
    init_list_head(&rt->gc_obj_list);
}
