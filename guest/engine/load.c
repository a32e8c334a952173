/* Loads the user's source (SPEC 2.7), and seals memory for an image. Statuses are ABI (../ABI.md, "load"). */

enum { LOAD_OK = 0, LOAD_SYNTAX = 1, LOAD_THROWN = 2, LOAD_BAD_INPUT = 3, LOAD_OUT_OF_MEMORY = 4 };

#define LOAD_FILENAME "function.js"

static JSValue top_level; /* the wrapper function, until it has run */
static bool loaded;       /* a source has been accepted */

static void outcome_detail(JSValue error);
static int boot_report(void);
static void boot_limit_stack(void);
static void reserve_reset(void);
static int load_status_of_exception(int status);

/* Run the top level, then the jobs that it queued. If it throws, the next event tries again. */
static int load_run(void)
{
    if (handlers_expose() < 0)
        return -1;
    JSValue result = JS_Call(ctx, top_level, ctx->global_obj, 0, NULL);
    if (JS_IsException(result))
        return -1;
    JS_FreeValue(ctx, result);
    JS_FreeValue(ctx, top_level);
    top_level = JS_UNDEFINED;
    JSContext *c;
    while (JS_ExecutePendingJob(rt, &c) > 0)
        ;
    return 0;
}

static int load_compile(const uint8_t *source, uint32_t len)
{
    Bytes text = { .max = 0x3fffffff };
    static const char epilogue[] = "\n})";

    if (len >= 3 && !memcmp(source, "\xef\xbb\xbf", 3))
        source += 3, len -= 3;
    handlers_prologue(&text);
    bytes_append(&text, source, len);
    bytes_append(&text, epilogue, sizeof(epilogue)); /* including the NUL */
    if (text.failed) {
        JS_ThrowOutOfMemory(ctx);
        return -1;
    }
    uint32_t total = text.len - 1;
    /* line 0 is the prologue, so that the user's first line is line 1 */
    JSValue wrapper = JS_EvalInternal(ctx, ctx->global_obj, (const char *)text.data, total, LOAD_FILENAME, 0,
                                      JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY, -1);
    heap_free(NULL, text.data);
    if (!JS_IsException(wrapper))
        wrapper = JS_EvalFunction(ctx, wrapper);
    if (JS_IsException(wrapper))
        return -1;
    /* Text such as "}), (function(){" would parse too, so check that the function spans the whole text. */
    JSObject *p = JS_IsObject(wrapper) ? JS_VALUE_GET_OBJ(wrapper) : NULL;
    if (!p || p->class_id != JS_CLASS_BYTECODE_FUNCTION ||
        p->u.func.function_bytecode->source_len != (int)total - 2) {
        JS_FreeValue(ctx, wrapper);
        JS_ThrowSyntaxError(ctx, "unbalanced '}' in the function's source");
        return -1;
    }
    top_level = wrapper;
    return 0;
}

/* Compile a script of ours from the input to bytecode in the output, without its source text, which would enlarge images.
 * Scripts are compiled at build time in a separate engine, so that images hold no leftovers of parsing. */
int HG_EXPORT(script)(void)
{
    size_t size;
    uint8_t *text = (uint8_t *)(uintptr_t)box.input_ptr;
    text[box.input_len] = 0;
    JSValue script = JS_Eval(ctx, (const char *)text, box.input_len, "headgate.js",
                             JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(script))
        return boot_report();
    uint8_t *bytecode = JS_WriteObject(ctx, &size, script, JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE);
    JS_FreeValue(ctx, script);
    if (!bytecode)
        return boot_report();
    box.output_ptr = (uint32_t)(uintptr_t)bytecode;
    box.output_len = size;
    return LOAD_OK;
}

/* Evaluate bytecode made by script(). Only for bytecode of our own build, since it is not validated. */
static JSValue load_bytecode(void)
{
    JSValue script = JS_ReadObject(ctx, (const uint8_t *)(uintptr_t)box.input_ptr, box.input_len, JS_READ_OBJ_BYTECODE);
    return JS_IsException(script) ? script : JS_EvalFunction(ctx, script);
}

/* Evaluate a library (bytecode of a script that defines a global) before the function is loaded. */
int HG_EXPORT(library)(void)
{
    compiling = true;
    JSValue result = load_bytecode();
    if (JS_IsException(result)) {
        outcome_detail(JS_GetException(ctx));
        return load_status_of_exception(LOAD_THROWN);
    }
    JS_FreeValue(ctx, result);
    return LOAD_OK;
}

/* Load an on-demand script before the function is loaded, by reading the expression in the input ("moment",
 * "google.cloud.pubsub"). */
int HG_EXPORT(touch)(void)
{
    const char *p = (const char *)(uintptr_t)box.input_ptr, *end = p + box.input_len;
    JSValue result = js_dup(ctx->global_obj);
    compiling = true;
    while (p < end && !JS_IsException(result)) {
        const char *dot = memchr(p, '.', end - p);
        JSAtom name = JS_NewAtomLen(ctx, p, (dot ? dot : end) - p);
        JSValue owner = result;
        result = JS_GetProperty(ctx, owner, name);
        JS_FreeValue(ctx, owner);
        JS_FreeAtom(ctx, name);
        p = dot ? dot + 1 : end;
    }
    if (JS_IsException(result)) {
        outcome_detail(JS_GetException(ctx));
        return load_status_of_exception(LOAD_THROWN);
    }
    JS_FreeValue(ctx, result);
    return LOAD_OK;
}

/* Load the function whose source is the input. ../ABI.md describes the statuses. */
int HG_EXPORT(load)(void)
{
    const uint8_t *source = (const uint8_t *)(uintptr_t)box.input_ptr;
    boot_limit_stack();
    if (heap_plan_begin())
        return LOAD_OUT_OF_MEMORY;
    compiling = true;
    touched = 0;
    console_reset();
    entropy_seed();
    uint64_t random_before = ctx->random_state;

    if (loaded || !scan_utf8(source, source + box.input_len))
        return LOAD_BAD_INPUT;
    if (handlers_expose() < 0 || load_compile(source, box.input_len) < 0) {
        outcome_detail(JS_GetException(ctx));
        return load_status_of_exception(LOAD_SYNTAX);
    }
    loaded = true;
    if (!(box.flags & HG_FLAG_DEFER)) {
        if (load_run() < 0) {
            outcome_detail(JS_GetException(ctx));
            return load_status_of_exception(LOAD_THROWN);
        }
        if (ctx->random_state != random_before)
            touched |= HG_TOUCHED_ENTROPY;
        box.touched = touched;
        box.handlers = handlers_present();
    }
    box.log_ptr = (uint32_t)(uintptr_t)log_lines.data;
    box.log_len = log_lines.len;
    return LOAD_OK;
}

/* Prepare the memory to become an image: collect garbage and reset the state of this run. Returns the address where the image
 * ends. */
uint32_t HG_EXPORT(seal)(void)
{
    rejections_clear();
    for (int i = 0; i < HANDLER_COUNT; i++) {
        JS_FreeValue(ctx, handler_known[i]);
        handler_known[i] = JS_UNDEFINED;
    }
    JS_FreeValue(ctx, handlers_find(0)); /* fills handler_known for a top level that has run */
    JS_RunGC(rt);
    if (!loaded)
        immortal_all();
    immortal_atoms();
    compiling = false;
    touched = 0;
    ctx->random_state = 1;
    memset(&entropy, 0, sizeof(entropy));
    console_reset();
    heap_free(NULL, log_lines.data);
    log_lines = (Bytes){ 0 };
    memset(box.input, 0, sizeof(box.input));
    memset(&box, 0, offsetof(Mailbox, output_bytes_max));
    box.due_ms = INFINITY;
    reserve_reset();
    rt->malloc_gc_threshold = rt->malloc_state.malloc_size + HG_GC_SLACK;
    heap.peak = heap.used;
    return heap_seal();
}
