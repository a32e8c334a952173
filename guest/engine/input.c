/* The input of an invocation: parses an event or a batch, and notes type and messageId. */

static struct {
    JSValue promise;         /* the handler's result as a promise, or JS_UNDEFINED */
    bool batch;
    uint32_t count;          /* events of the batch */
    JSValue inputs, ids;     /* batch: the event objects and their original messageIds */
    EventIdentity *identity; /* one per event */
    EventIdentity single;
} invocation;

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

/* Notes type and messageId of a freshly parsed event, whose strings are still text. */
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

/* The original messageIds, for pairing outputs with events whose ids the handler may have changed. */
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
