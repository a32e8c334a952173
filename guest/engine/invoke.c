/*
 * One invocation: parse the event, call the handler, run until its promise settles or has to wait for
 * the host. The guest never blocks: PENDING returns to the host, which comes back through resume().
 */

static struct {
    JSValue promise;         /* what the handler returned, made a promise; JS_UNDEFINED when none */
    bool batch;
    uint32_t count;          /* events of the batch */
    JSValue inputs, ids;     /* batch: the event objects and their messageIds as they came in */
    EventIdentity *identity; /* one per event */
    EventIdentity single;
} invocation = { .promise = JS_UNDEFINED, .inputs = JS_UNDEFINED, .ids = JS_UNDEFINED };

static Document *settings_document;
static uint32_t settings_version;

static void invocation_clear(void)
{
    JS_FreeValue(ctx, invocation.promise);
    JS_FreeValue(ctx, invocation.inputs);
    JS_FreeValue(ctx, invocation.ids);
    if (invocation.identity != &invocation.single)
        heap_free(NULL, invocation.identity);
    invocation.identity = NULL;
    invocation.promise = invocation.inputs = invocation.ids = JS_UNDEFINED;
    rejections_clear();
}

static void invocation_logs(void)
{
    box.log_ptr = (uint32_t)(uintptr_t)log_lines.data;
    box.log_len = log_lines.len;
    box.heap_peak = heap.peak;
    box.heap_used = heap.used;
    box.operations = operation_count;
}

/* ---- input ---- */

static int invoke_bad_input(const char *why)
{
    if (JS_HasException(ctx)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        outcome_text(HG_OUT_OF_MEMORY, "");
        return HG_DONE;
    }
    outcome_text(HG_BAD_RETURN, why);
    return HG_BAD_INPUT;
}

static Original identity_original(JSObject *event, JSAtom atom)
{
    JSProperty *pr;
    JSShapeProperty *prs = find_own_property(&pr, event, atom);
    if (!prs)
        return (Original){ -1, JS_UNDEFINED };
    if (document_of(pr, prs->flags))
        return (Original){ (int)(uintptr_t)pr->u.init.opaque, JS_UNDEFINED };
    return (Original){ -1, pr->u.value }; /* a number, boolean or null: nothing to free */
}

/* Type and messageId of a freshly parsed event (strings are still text). */
static void identity_of(JSValueConst event, EventIdentity *identity)
{
    JSObject *p = JS_VALUE_GET_OBJ(event);
    identity->type_was = identity_original(p, atom_type);
    identity->id_was = identity_original(p, atom_message_id);
    identity->type = -1;
    if (identity->type_was.span < 0)
        return;
    const Span *span = &event_document->spans[identity->type_was.span];
    if (event_document->text[span->start] != '"')
        return;
    if (span->canonical) {
        identity->type = handlers_type(event_document->text + span->start + 1, span->end - span->start - 2);
        return;
    }
    JSValue text = document_value(event_document, identity->type_was.span, 0);
    size_t len;
    const char *s = JS_ToCStringLen(ctx, &len, text);
    if (s)
        identity->type = handlers_type((const uint8_t *)s, len);
    JS_FreeCString(ctx, s);
    JS_FreeValue(ctx, text);
}

static JSValue invoke_parse_event(Parser *s)
{
    if (*s->p != '{') {
        scan_error = "an event must be a JSON object";
        return JS_EXCEPTION;
    }
    return parse_object(s, 0);
}

static JSValue invoke_parse_batch(Parser *s)
{
    JSValue events = JS_NewArray(ctx);
    const uint8_t *p = scan_space(s->p + 1);
    uint32_t size = 0;

    invocation.identity = NULL;
    invocation.count = 0;
    if (*s->p != '[' || JS_IsException(events)) {
        scan_error = "a batch must be a JSON array";
        goto fail;
    }
    for (; *p != ']'; p = scan_space(p)) {
        if (invocation.count) {
            if (*p != ',') {
                scan_error = "expected ',' or ']'";
                goto fail;
            }
            p = scan_space(p + 1);
        }
        s->p = p;
        JSValue event = invoke_parse_event(s);
        if (JS_IsException(event))
            goto fail;
        if (invocation.count == size) {
            size = size ? size * 2 : 32;
            EventIdentity *grown = heap_realloc(NULL, invocation.identity, size * sizeof(*grown));
            if (!grown) {
                JS_FreeValue(ctx, event);
                JS_ThrowOutOfMemory(ctx);
                goto fail;
            }
            invocation.identity = grown;
        }
        identity_of(event, &invocation.identity[invocation.count]);
        if (JS_DefinePropertyValueUint32(ctx, events, invocation.count, event, JS_PROP_C_W_E) < 0)
            goto fail;
        invocation.count++;
        p = s->p;
    }
    s->p = p + 1;
    return events;
fail:
    JS_FreeValue(ctx, events);
    return JS_EXCEPTION;
}

/* The events' messageIds, for pairing after the handler may have changed them. */
static JSValue invoke_ids(void)
{
    JSValue ids = JS_NewArray(ctx);
    for (uint32_t i = 0; !JS_IsException(ids) && i < invocation.count; i++) {
        const Original *was = &invocation.identity[i].id_was;
        JSValue id = was->span < 0 ? was->value : document_value(event_document, was->span, 0);
        if (JS_IsException(id) || JS_DefinePropertyValueUint32(ctx, ids, i, id, JS_PROP_C_W_E) < 0) {
            JS_FreeValue(ctx, ids);
            return JS_EXCEPTION;
        }
    }
    return ids;
}

/* The settings object, anew for every invocation; its text is asked of the host once per version. */
static JSValue invoke_settings(void)
{
    if (settings_version != box.settings_version || !settings_document) {
        if (!settings_document && !(settings_document = document_new()))
            return JS_ThrowOutOfMemory(ctx);
        if (!(settings_document = document_recycle(settings_document)))
            return JS_ThrowOutOfMemory(ctx);
        uint32_t size = 512;
        for (;;) {
            uint8_t *text = js_realloc(ctx, settings_document->owned, size + 17);
            if (!text)
                return JS_EXCEPTION;
            settings_document->owned = text;
            int32_t len = import_settings(text, size);
            if (len < 0)
                return JS_ThrowInternalError(ctx, "the host has no settings");
            if ((uint32_t)len <= size) {
                memset(text + len, 0, 17);
                settings_document->text = text;
                settings_document->len = len;
                break;
            }
            size = len;
        }
        settings_version = box.settings_version;
    } else if (document_is_shared(settings_document)) {
        /* somebody kept settings of an earlier invocation: they keep that document */
        Document *fresh = document_new();
        if (!fresh || !(fresh->owned = js_malloc_rt(rt, settings_document->len + 17)))
            return JS_ThrowOutOfMemory(ctx);
        memcpy(fresh->owned, settings_document->text, settings_document->len + 17);
        fresh->text = fresh->owned;
        fresh->len = settings_document->len;
        settings_document->next = documents_kept;
        documents_kept = settings_document;
        settings_document = fresh;
    }
    settings_document->span_count = 0;
    Parser s = { .doc = settings_document, .strings_lazy = true, .p = settings_document->text, .depth_max = SCAN_DEPTH_MAX };
    JSValue settings = *s.p == '{' ? parse_object(&s, 1) : JS_NewObject(ctx);
    if (JS_IsException(settings) && !JS_HasException(ctx))
        JS_ThrowInternalError(ctx, "settings are not JSON: %s", scan_error);
    return settings;
}

/* ---- outcome ---- */

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
    if (kind == ITEM_UNCHANGED) {
        JSValue input = JS_GetPropertyUint32(ctx, invocation.inputs, index);
        JS_FreeValue(ctx, input);
        return ITEM_UNCHANGED; /* the host has the input's own bytes */
    }
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

/* Output: uint32 count, then count times {uint32 kind, offset, length}, then the bodies. */
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

/* A settled promise ends the invocation; its outcome is written before anything else may run. */
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

/* After the outcome: let go of what the invocation held, unless the memory is thrown back anyway. */
static int invoke_end(int status)
{
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
        outcome_text(HG_OUT_OF_MEMORY, ""); /* answers will arrive where the event's text is now */
        status = HG_DONE;
    }
    invocation_logs();
    return status;
}

/* ---- running ---- */

/* Run jobs and due timers until the promise settles or nothing is left to run here. */
static int invoke_run(void)
{
    JSContext *c;
    for (;;) {
        if (JS_PromiseState(ctx, invocation.promise) != JS_PROMISE_PENDING) {
            /* the handler's own rejection is its outcome, not an unhandled one */
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
    if (JS_IsObject(result)) { /* a thenable is awaited like a promise */
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

/* Ask the host for the settings now, so that a hermetic sandbox is rewound to a state that has them. */
int HG_EXPORT(configure)(void)
{
    JSValue settings = invoke_settings();
    if (JS_IsException(settings)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        return HG_BAD_INPUT;
    }
    JS_FreeValue(ctx, settings);
    return HG_DONE;
}

/* Start an invocation: mailbox.input holds an event, or an array of them (HG_FLAG_BATCH). */
int HG_EXPORT(invoke)(void)
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

/* Go on after HG_PENDING. Input: answers, each {uint32 id, status, payload length, body length or ~0}
 * followed by payload and body; possibly none, when a timer is due. */
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
    invoke_settle(); /* they may have set timers of their own */
    box.leftover = 0;
    invocation_logs();
    return HG_DONE;
}
