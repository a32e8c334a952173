/* Writes the outcome of an event, a batch or an error, and ends an invocation. */

static void finish_error(void) { outcome_detail(JS_GetException(ctx)); }

static void finish_event(JSValueConst value)
{
    if (JS_IsUndefined(value) || JS_IsNull(value)) {
        output_publish(HG_EMPTY);
        return;
    }
    int status = outcome_event(value, &invocation.single);
    switch (status) {
    case HG_THROWN:
        finish_error();
        break;
    case HG_BAD_RETURN: {
        const char *kind = !JS_IsObject(value)           ? "a primitive"
                           : JS_IsFunction(ctx, value)   ? "a function"
                           : js_is_array(ctx, value) > 0 ? "an array"
                                                         : "an object that is none in JSON";
        char text[160];
        snprintf(text, sizeof(text), "handler returned %s; it must return the event object, or nothing to drop the event",
                 JS_IsString(value) ? "a string" : JS_IsNumber(value) ? "a number" : JS_IsBool(value) ? "a boolean" : kind);
        outcome_text(HG_BAD_RETURN, text);
        break;
    }
    default:
        output_publish(status);
    }
}

enum { ITEM_FORWARD, ITEM_FILTERED, ITEM_BAD_RETURN, ITEM_RETRY, ITEM_UNCHANGED, ITEM_DISCARD, ITEM_THROWN, ITEM_TOO_LARGE };

static int finish_item(uint32_t index, int kind, JSValueConst value)
{
    if (kind == ITEM_UNCHANGED)
        return ITEM_UNCHANGED; /* the host still has the input */
    if (kind == ITEM_FORWARD) {
        int status = outcome_event(value, &invocation.identity[index]);
        if (status == HG_FORWARD)
            return ITEM_FORWARD;
        if (status == HG_TOO_LARGE)
            return ITEM_TOO_LARGE;
        if (status == HG_BAD_RETURN) {
            bytes_text(&output, "batch result holds something that is no event object");
            return ITEM_BAD_RETURN;
        }
        JSValue error = JS_GetException(ctx);
        JSValue detail = JS_Call(ctx, hook_describe, JS_UNDEFINED, 1, (JSValueConst *)&error);
        JS_FreeValue(ctx, error);
        Writer w;
        write_begin(&w, &output);
        w.object_clean = w.array_clean = true;
        if (JS_IsException(detail) || write_value(&w, detail) != WRITE_DONE)
            output.failed = true;
        JS_FreeValue(ctx, detail);
        return ITEM_THROWN;
    }
    size_t len;
    const char *text = JS_IsString(value) ? JS_ToCStringLen(ctx, &len, value) : NULL;
    if (text)
        bytes_append(&output, text, len);
    JS_FreeCString(ctx, text);
    return kind;
}

/* Write the outcome of a batch: uint32 count, then count times {uint32 kind, offset, length}, then the bodies. */
static void finish_batch(JSValueConst value)
{
    if (JS_IsUndefined(value) || JS_IsNull(value)) {
        output_publish(HG_EMPTY);
        return;
    }
    JSValueConst arguments[3] = { invocation.inputs, value, invocation.ids };
    JSValue pairs = JS_Call(ctx, hook_pair, JS_UNDEFINED, 3, arguments);
    if (JS_IsException(pairs)) {
        finish_error();
        return;
    }
    if (JS_IsString(pairs)) {
        const char *text = JS_ToCString(ctx, pairs);
        outcome_text(HG_BAD_RETURN, text ? text : "");
        JS_FreeCString(ctx, text);
        JS_FreeValue(ctx, pairs);
        return;
    }
    uint32_t count = invocation.count, table = output.len + 4;
    bytes_u32(&output, count);
    for (uint32_t i = 0; i < count * 3; i++)
        bytes_u32(&output, 0);
    for (uint32_t i = 0; i < count && !output.failed && !output.full; i++) {
        JSValue pair = JS_GetPropertyUint32(ctx, pairs, i);
        JSValue kind = JS_GetPropertyUint32(ctx, pair, 0), item = JS_GetPropertyUint32(ctx, pair, 1);
        uint32_t at = output.len;
        uint32_t entry[3] = { finish_item(i, JS_VALUE_GET_INT(kind), item), at, 0 };
        entry[2] = output.len - at;
        JS_FreeValue(ctx, item);
        JS_FreeValue(ctx, pair);
        memcpy(output.data + table + i * 12, entry, 12);
    }
    JS_FreeValue(ctx, pairs);
    output_publish(output.full ? HG_TOO_LARGE : HG_ITEMS);
}

/* Write the outcome of the settled promise, before any other job can run. */
static int finish(void)
{
    JSValue result = JS_PromiseResult(ctx, invocation.promise);
    if (JS_PromiseState(ctx, invocation.promise) == JS_PROMISE_REJECTED)
        outcome_detail(result);
    else {
        if (invocation.batch)
            finish_batch(result);
        else
            finish_event(result);
        JS_FreeValue(ctx, result);
    }
    return HG_DONE;
}

static void finish_log_rejections(void)
{
    for (int i = 0; i < rejection_count; i++) {
        JSValue detail = JS_Call(ctx, hook_describe, JS_UNDEFINED, 1, (JSValueConst *)&rejections[i].reason);
        JSValue message = JS_GetPropertyUint32(ctx, detail, 2);
        size_t len;
        const char *text = JS_ToCStringLen(ctx, &len, message);
        char line[512];
        if (text) {
            int n = snprintf(line, sizeof(line), "Unhandled promise rejection: %.400s", text);
            console_line(LEVEL_ERROR, line, n < (int)sizeof(line) ? n : (int)sizeof(line) - 1);
        }
        JS_FreeCString(ctx, text);
        JS_FreeValue(ctx, message);
        JS_FreeValue(ctx, detail);
    }
    if (JS_HasException(ctx))
        JS_FreeValue(ctx, JS_GetException(ctx));
    rejections_clear();
}

/* Timers and operations end with their invocation. */
static void invoke_settle(void)
{
    if (!invocation_waits)
        return;
    JS_FreeValue(ctx, JS_Call(ctx, hook_settled, JS_UNDEFINED, 0, NULL));
    invocation_waits = false;
    operation_count = 0;
    box.due_ms = INFINITY;
}

/* After the outcome: release what the invocation holds, unless the memory will be rewound anyway. */
static int invoke_end(int status)
{
    if (document_lost && status == HG_DONE && (box.outcome == HG_FORWARD || box.outcome == HG_ITEMS))
        outcome_text(HG_OUT_OF_MEMORY, ""); /* the output might lack a property */
    if (status != HG_PENDING) {
        if (rejection_count)
            finish_log_rejections();
        box.leftover = JS_IsJobPending(rt);
        if (!(box.flags & HG_FLAG_HERMETIC)) {
            invoke_settle();
            invocation_clear();
            documents_sweep();
            Document *again = document_recycle(event_document);
            event_document = again ? again : document_new();
        }
    } else if (document_own(event_document)) {
        outcome_text(HG_OUT_OF_MEMORY, ""); /* answers will overwrite the event's text */
        status = HG_DONE;
    }
    invocation_logs();
    return status;
}
