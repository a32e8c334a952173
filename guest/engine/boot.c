/* The entry points that precede any function: boot, the prelude, and the mailbox's address. */

enum { BOOT_OK = 0, BOOT_FAILED = 1 };

#define BOOT_STACK_BYTES (960 * 1024) /* of the linker's 1 MiB; JavaScript recursion ends here */

uint32_t HG_EXPORT(mailbox)(void) { return (uint32_t)(uintptr_t)&box; }

uint32_t HG_EXPORT(abi)(void) { return HG_ABI_VERSION; }

static uint8_t *reserved;
static uint32_t reserved_size;

/* Allocate room for `len` bytes of input and padding. Sets and returns mailbox.input_ptr, 0 when out of memory. */
uint32_t HG_EXPORT(reserve)(uint32_t len)
{
    if (len <= HG_INPUT_INLINE - 32) {
        box.input_ptr = (uint32_t)(uintptr_t)box.input;
        return box.input_ptr;
    }
    if (reserved_size < len + 32) {
        heap_free(NULL, reserved);
        reserved = len < 0x7ff00000 ? heap_malloc(NULL, len + 32) : NULL;
        reserved_size = reserved ? len + 32 : 0;
    }
    box.input_ptr = (uint32_t)(uintptr_t)reserved;
    return box.input_ptr;
}

static void reserve_reset(void)
{
    heap_free(NULL, reserved);
    reserved = NULL;
    reserved_size = 0;
}

/* Write the pending exception to the output as text, for errors before hooks.describe exists. */
static int boot_report(void)
{
    JSValue error = JS_GetException(ctx);
    JSValue stack = JS_GetPropertyStr(ctx, error, "stack");
    const char *text = JS_ToCString(ctx, JS_IsString(stack) ? stack : error);
    char report[2000];
    snprintf(report, sizeof(report), "%s\n", text ? text : "?");
    JS_FreeCString(ctx, text);
    outcome_text(HG_THROWN, report);
    return BOOT_FAILED;
}

/* Names in events of the tracking API (SPEC 2.5). Because their atoms exist from the start, an event that uses them neither
 * makes atoms nor writes to pages of the atom table. */
static const char *const common_names[] = {
    "messageId", "anonymousId", "userId", "previousId", "groupId", "event", "properties", "traits", "context",
    "integrations", "timestamp", "originalTimestamp", "sentAt", "receivedAt", "version", "projectId", "channel",
    "writeKey", "_metadata", "category", "All", "library", "ip", "userAgent", "userAgentData", "page", "path",
    "referrer", "title", "url", "search", "campaign", "source", "medium", "term", "content", "locale", "timezone",
    "device", "manufacturer", "model", "id", "advertisingId", "adTrackingEnabled", "app", "build", "namespace", "os",
    "screen", "width", "height", "density", "network", "bluetooth", "carrier", "cellular", "wifi", "location", "city",
    "country", "region", "latitude", "longitude", "active", "direct", "email", "firstName", "lastName", "phone",
    "username", "address", "street", "postalCode", "state", "age", "birthday", "gender", "createdAt", "avatar",
    "company", "plan", "industry", "employees", "website", "orderId", "order_id", "checkout_id", "total", "revenue",
    "value", "currency", "coupon", "discount", "shipping", "tax", "subtotal", "products", "product_id", "productId",
    "sku", "brand", "variant", "price", "quantity", "position", "image_url", "list_id", "cart_id", "payment_method",
    "query", "nodeVersion", "jsRuntime", "bundled", "unbundled",
};

/* Apply the function's stack limit, which the host sets before the first entry. */
static void boot_limit_stack(void)
{
    if (box.stack_bytes_max && box.stack_bytes_max != rt->stack_size)
        JS_SetMaxStackSize(rt, min_uint32(box.stack_bytes_max, BOOT_STACK_BYTES));
}

/* Shared buffers are allocated at their maximum size. Without threads, each has a single owner. */
static void *shared_alloc(void *opaque, size_t size) { return js_malloc(ctx, size); }
static void shared_free(void *opaque, void *p) { js_free_rt(rt, p); }
static const JSSharedArrayBufferFunctions shared_functions = { .sab_alloc = shared_alloc, .sab_free = shared_free };

/* Make the runtime. Must be the first entry point that is called on a fresh memory. */
int HG_EXPORT(boot)(void)
{
    box.due_ms = INFINITY;
    box.log_bytes_max = box.output_bytes_max = 1 << 16;
    box.log_lines_max = 100;
    if (heap_plan_begin())
        return BOOT_FAILED;
    immortal_atoms_end = JS_ATOM_END;
    rt = JS_NewRuntime2(&heap_functions, NULL);
    if (!rt)
        return BOOT_FAILED;
    JS_SetMaxStackSize(rt, BOOT_STACK_BYTES);
    JS_SetHostPromiseRejectionTracker(rt, rejections_track, NULL);
    JS_SetSharedArrayBufferFunctions(rt, &shared_functions);
    rt->malloc_gc_threshold = 64u << 20; /* no collection while booting: seal() collects */
    stack_getter = stack_setter = JS_UNDEFINED;
    ctx = JS_NewContext(rt);
    if (!ctx || JS_AddIntrinsicDOMException(ctx) || stack_init() < 0)
        return BOOT_FAILED;
    /* A call site's getFunction would expose functions of the prelude that are on the stack. */
    JSAtom function_of = JS_NewAtom(ctx, "getFunction");
    JS_DeleteProperty(ctx, ctx->class_proto[JS_CLASS_CALL_SITE], function_of, 0);
    JS_FreeAtom(ctx, function_of);
    top_level = settings_object = invocation.promise = invocation.inputs = invocation.ids = JS_UNDEFINED;
    for (int i = 0; i < HANDLER_COUNT; i++)
        handler_accessors[i] = handler_known[i] = JS_UNDEFINED;
    atom_type = JS_NewAtom(ctx, "type");
    atom_message_id = JS_NewAtom(ctx, "messageId");
    for (int i = 0; i < countof(common_names); i++)
        JS_NewAtom(ctx, common_names[i]); /* never freed */
    return shapes_init() || write_init() || json_init() || replace_init() ? BOOT_FAILED : BOOT_OK;
}

/* Evaluate the prelude, whose bytecode is the input, and store its hooks. */
int HG_EXPORT(prelude)(void)
{
    compiling = true;
    JSValue prelude = load_bytecode();
    if (JS_IsException(prelude))
        return boot_report();
    JSValue native = native_new();
    JSValue hooks = JS_Call(ctx, prelude, JS_UNDEFINED, 1, (JSValueConst *)&native);
    JS_FreeValue(ctx, native);
    JS_FreeValue(ctx, prelude);
    if (JS_IsException(hooks) || hooks_take(hooks) < 0)
        return boot_report();
    JS_FreeValue(ctx, hooks);
    if (immortal_make() < 0 || handlers_expose() < 0)
        return boot_report();
    handlers_hide();
    return BOOT_OK;
}
