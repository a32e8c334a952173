/*
 * One invocation: parse the event, call the handler, and run until its promise settles or must wait for the host. The guest
 * never blocks: it returns HG_PENDING to the host, which continues with resume().
 */

/* Run jobs and due timers until the promise settles or there is nothing left to run. */
static int invoke_run(void)
{
    JSContext *c;
    for (;;) {
        if (JS_PromiseState(ctx, invocation.promise) != JS_PROMISE_PENDING) {
            /* the handler's own rejection is the outcome, not an unhandled rejection */
            rejections_track(ctx, invocation.promise, JS_UNDEFINED, true, NULL);
            return invoke_end(finish());
        }
        if (JS_ExecutePendingJob(rt, &c) != 0)
            continue;
        if (rejection_count) {
            outcome_detail(js_dup(rejections[0].reason));
            rejections_clear();
            return invoke_end(HG_DONE);
        }
        if (box.due_ms <= box.now_ms) {
            JSValue more = JS_Call(ctx, hook_wake, JS_UNDEFINED, 0, NULL);
            if (JS_IsException(more)) {
                finish_error();
                return invoke_end(HG_DONE);
            }
            JS_FreeValue(ctx, more);
            continue;
        }
        if (operation_count || box.due_ms < INFINITY)
            return invoke_end(HG_PENDING);
        return invoke_end(HG_STUCK);
    }
}

static int invoke_call(JSValue handler, JSValue input)
{
    JSValue settings = invoke_settings();
    JSValue result = JS_EXCEPTION;
    if (!JS_IsException(settings)) {
        JSValueConst arguments[2] = { input, settings };
        result = JS_Call(ctx, handler, JS_UNDEFINED, 2, arguments);
    }
    JS_FreeValue(ctx, settings);
    JS_FreeValue(ctx, handler);
    JS_FreeValue(ctx, input);
    if (JS_IsException(result)) {
        finish_error();
        return invoke_end(HG_DONE);
    }
    if (JS_IsPromise(result)) {
        invocation.promise = result;
        return invoke_run();
    }
    if (JS_IsObject(result)) { /* it may be a thenable, which is awaited like a promise */
        invocation.promise = js_promise_resolve(ctx, ctx->promise_ctor, 1, (JSValueConst *)&result, 0);
        JS_FreeValue(ctx, result);
        if (JS_IsException(invocation.promise)) {
            invocation.promise = JS_UNDEFINED;
            finish_error();
            return invoke_end(HG_DONE);
        }
        return invoke_run();
    }
    if (invocation.batch)
        finish_batch(result);
    else
        finish_event(result);
    JS_FreeValue(ctx, result);
    return invoke_end(HG_DONE);
}

/* Start an invocation. The input is an event, or an array of events with HG_FLAG_BATCH. */
no_inline int HG_EXPORT(invoke)(void)
{
    uint8_t *text = (uint8_t *)(uintptr_t)box.input_ptr;

    boot_limit_stack();
    box.due_ms = INFINITY;
    heap.peak = heap.used;
    heap_exhausted = false;
    invocation.batch = box.flags & HG_FLAG_BATCH;
    console_reset();
    entropy_seed();
    output_reset();
    if (!event_document && !(event_document = document_new())) {
        outcome_text(HG_OUT_OF_MEMORY, "");
        return HG_DONE;
    }
    if (!JS_IsUndefined(top_level) && load_run() < 0) {
        finish_error();
        return invoke_end(HG_DONE);
    }
    memset(text + box.input_len, 0, 17);
    document_open(event_document, text, box.input_len);
    Parser s = { .doc = event_document, .strings_lazy = true, .p = scan_space(text), .depth_max = SCAN_DEPTH_MAX };
    scan_error = NULL;
    JSValue input = invocation.batch ? invoke_parse_batch(&s) : invoke_parse_event(&s);
    if (JS_IsException(input))
        return invoke_end(invoke_bad_input(scan_error));
    if (scan_space(s.p) != text + box.input_len) {
        JS_FreeValue(ctx, input);
        return invoke_end(invoke_bad_input("unexpected text after the JSON value"));
    }

    int index = HANDLER_BATCH;
    if (invocation.batch) {
        invocation.ids = invoke_ids();
        invocation.inputs = js_create_array(ctx, invocation.count, (JSValueConst *)JS_VALUE_GET_OBJ(input)->u.array.u.values);
        if (JS_IsException(invocation.ids) || JS_IsException(invocation.inputs)) {
            JS_FreeValue(ctx, input);
            finish_error();
            return invoke_end(HG_DONE);
        }
    } else {
        invocation.identity = &invocation.single;
        identity_of(input, &invocation.single);
        index = invocation.single.type;
        if (index < 0) {
            if (outcome_had(&invocation.single.type_was))
                outcome_original(&output, &invocation.single.type_was);
            JS_FreeValue(ctx, input);
            output_publish(HG_UNKNOWN_TYPE);
            return invoke_end(HG_DONE);
        }
    }
    JSValue handler = handlers_find(index);
    if (JS_IsUndefined(handler)) {
        JS_FreeValue(ctx, input);
        outcome_text(HG_MISSING, index == HANDLER_BATCH ? "batch" : handler_types[index]);
        return invoke_end(HG_DONE);
    }
    return invoke_call(handler, input);
}

/* Continue after HG_PENDING. The input is a list of answers, each {uint32 id, status, payload length, body length or ~0}
 * followed by payload and body. It is empty when only a timer is due. */
int HG_EXPORT(resume)(void)
{
    const uint8_t *p = (const uint8_t *)(uintptr_t)box.input_ptr, *end = p + box.input_len;
    while (end - p >= 16) {
        uint32_t head[4];
        memcpy(head, p, 16);
        p += 16;
        uint32_t body_len = head[3] == ~0u ? 0 : head[3];
        if (head[2] > (size_t)(end - p) || body_len > (size_t)(end - p) - head[2])
            break;
        JSValue arguments[4] = { js_uint32(head[0]), js_uint32(head[1]),
                                 JS_NewStringLen(ctx, (const char *)p, head[2]),
                                 head[3] == ~0u ? JS_UNDEFINED : JS_NewArrayBufferCopy(ctx, p + head[2], body_len) };
        p += head[2] + body_len;
        if (operation_count)
            operation_count--;
        JSValue ret = JS_Call(ctx, hook_answer, JS_UNDEFINED, 4, (JSValueConst *)arguments);
        JS_FreeValue(ctx, arguments[2]);
        JS_FreeValue(ctx, arguments[3]);
        if (JS_IsException(ret)) {
            finish_error();
            return invoke_end(HG_DONE);
        }
        JS_FreeValue(ctx, ret);
    }
    return invoke_run();
}

/* Run the jobs that were still queued when the outcome was decided; they cannot change it. */
int HG_EXPORT(drain)(void)
{
    JSContext *c;
    while (JS_ExecutePendingJob(rt, &c) != 0)
        ;
    if (rejection_count)
        finish_log_rejections();
    invoke_settle(); /* the jobs may have set timers */
    box.leftover = 0;
    invocation_logs();
    return HG_DONE;
}
