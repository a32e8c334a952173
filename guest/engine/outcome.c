/* Writes the outcome of an invocation for the host (../ABI.md, "Outcomes"). */

static Bytes output;

static void output_reset(void)
{
    output.len = 0;
    output.max = box.output_bytes_max;
    output.failed = output.full = false;
}

static void output_publish(uint32_t outcome)
{
    if (output.failed)
        outcome = HG_OUT_OF_MEMORY, output.len = 0;
    box.outcome = outcome;
    box.output_ptr = (uint32_t)(uintptr_t)output.data;
    box.output_len = output.len;
}

static void outcome_text(uint32_t outcome, const char *text)
{
    output_reset();
    output.max = 0xffff;
    bytes_text(&output, text);
    output_publish(outcome);
}

/* Whether `error` is the engine's out-of-memory error: an InternalError after an allocation failed. */
static bool outcome_is_memory(JSValueConst error)
{
    if (!JS_IsObject(error))
        return JS_IsNull(error) && heap_exhausted; /* the error object itself did not fit */
    JSObject *p = JS_VALUE_GET_OBJ(error);
    return heap_exhausted && p->class_id == JS_CLASS_ERROR &&
           p->shape->proto == JS_VALUE_GET_OBJ(ctx->native_error_proto[JS_INTERNAL_ERROR]);
}

/* Output: [class|null, name|null, message, stack|null], classified by the prelude (SPEC 3.2). Takes `error`. */
static void outcome_detail(JSValue error)
{
    Writer w;
    bool memory = outcome_is_memory(error);
    output_reset();
    output.max = 0x1ffff;
    JSValue detail = memory ? JS_UNDEFINED : JS_Call(ctx, hook_describe, JS_UNDEFINED, 1, (JSValueConst *)&error);
    JS_FreeValue(ctx, error);
    if (!memory && !JS_IsException(detail)) {
        write_begin(&w, &output);
        w.object_clean = w.array_clean = true; /* strings only: nothing to look up */
        if (write_value(&w, detail) == WRITE_DONE && !output.failed && !output.full) {
            JS_FreeValue(ctx, detail);
            output_publish(HG_THROWN);
            return;
        }
    }
    if (JS_IsException(detail))
        JS_FreeValue(ctx, JS_GetException(ctx));
    JS_FreeValue(ctx, detail);
    outcome_text(HG_OUT_OF_MEMORY, "");
}

static int load_status_of_exception(int status)
{
    return box.outcome == HG_OUT_OF_MEMORY ? LOAD_OUT_OF_MEMORY : status;
}

/* The original value of a member of the input: text of the document, or a number, boolean or null. */
typedef struct Original {
    int span;      /* span of the document, or -1 */
    JSValue value; /* the value if there is no span; JS_UNDEFINED if the input lacks the member */
} Original;

/* Original type and messageId of an event, to be restored in the output (SPEC 2.3, D13). */
typedef struct EventIdentity {
    int type; /* index into handler_types, or -1 */
    Original type_was, id_was;
} EventIdentity;

static Document *event_document;

static inline bool outcome_had(const Original *was) { return was->span >= 0 || !JS_IsUndefined(was->value); }

static void outcome_original(Bytes *out, const Original *was)
{
    Writer w;
    uint32_t start = out->len;
    write_begin(&w, out);
    w.object_clean = w.array_clean = true; /* an input value: no toJSON applies to it */
    if (was->span < 0) {
        write_value(&w, was->value);
    } else if (write_lazy(&w, event_document, was->span) != WRITE_DONE) {
        const Span *span = &event_document->spans[was->span];
        out->len = start;
        bytes_append(out, event_document->text + span->start, span->end - span->start);
    }
}

/* Replace output[from, to) with `lead` and the original value; from == to inserts. */
static void outcome_splice(uint32_t from, uint32_t to, const char *lead, const Original *was)
{
    Bytes middle = { .max = 0x3fffffff };
    bytes_text(&middle, lead);
    outcome_original(&middle, was);
    uint32_t tail = output.len - to;
    if (!middle.failed && bytes_room(&output, middle.len)) {
        memmove(output.data + from + middle.len, output.data + to, tail);
        memcpy(output.data + from, middle.data, middle.len);
        output.len = from + middle.len + tail;
    } else {
        output.failed |= middle.failed;
    }
    heap_free(NULL, middle.data);
}

/* Find `type` and `messageId` in output that was written by the engine, not our writer. False if nested too deeply. */
static bool outcome_locate(Writer *w, uint32_t start)
{
    const uint8_t *p = output.data + start + 1, *base = output.data;
    int flags;
    output.max += 17; /* padding for the scanner does not count */
    bool room = bytes_room(&output, 17);
    output.max -= 17;
    if (!room)
        return true;
    memset(output.data + output.len, 0, 17);
    p = output.data + start + 1;
    base = output.data;
    while (*p == '"') {
        const uint8_t *key = p + 1, *end = scan_string(key, &flags);
        const uint8_t *value = end + 2, *after = scan_value(value, 0, &flags);
        if (!after)
            return false;
        if (end - key == 4 && !memcmp(key, "type", 4))
            w->type_at = value - base, w->type_end = after - base;
        else if (end - key == 9 && !memcmp(key, "messageId", 9))
            w->id_at = value - base, w->id_end = after - base;
        p = *after == ',' ? after + 1 : after;
    }
    return true;
}

static JSAtom atom_type, atom_message_id;

/*
 * Append `value` as a forwarded event. Returns HG_FORWARD; or HG_BAD_RETURN, HG_THROWN (with the exception pending) or
 * HG_TOO_LARGE with the output unchanged.
 */
static int outcome_event(JSValueConst value, const EventIdentity *identity)
{
    Writer w;
    uint32_t start = output.len;
    int is_array = JS_IsObject(value) ? js_is_array(ctx, value) : 0;
    if (is_array < 0)
        return HG_THROWN;
    if (!JS_IsObject(value) || is_array || JS_IsFunction(ctx, value))
        return HG_BAD_RETURN;

    write_begin(&w, &output);
    w.type_atom = atom_type;
    w.id_atom = atom_message_id;
    int status = write_value(&w, value);
    if (status == WRITE_DONE && output.len > start && output.data[start] != '{') { /* a date */
        output.len = start;
        return HG_BAD_RETURN;
    }
    if (status == WRITE_GIVE_UP && !output.full && !output.failed) {
        output.len = start;
        w.type_at = w.id_at = 0;
        JSValue text = JS_JSONStringify(ctx, value, JS_UNDEFINED, JS_UNDEFINED);
        if (JS_IsException(text))
            return HG_THROWN;
        size_t len;
        const char *utf8 = JS_IsUndefined(text) ? NULL : JS_ToCStringLen(ctx, &len, text);
        JS_FreeValue(ctx, text);
        if (!utf8)
            return JS_HasException(ctx) ? HG_THROWN : HG_BAD_RETURN;
        bool object = utf8[0] == '{';
        if (object)
            bytes_append(&output, utf8, len);
        JS_FreeCString(ctx, utf8);
        if (!object)
            return HG_BAD_RETURN;
        if (!output.full && !output.failed && !outcome_locate(&w, start)) {
            output.len = start;
            JS_ThrowRangeError(ctx, "the event is nested too deeply: at most %d levels", SCAN_DEPTH_MAX);
            return HG_THROWN;
        }
    }
    if (!output.full && !output.failed) {
        bool known = w.type_at && output.data[w.type_at] == '"' &&
                     handlers_type(output.data + w.type_at + 1, w.type_end - w.type_at - 2) >= 0;
        bool empty = output.len - start == 2;
        if (!w.id_at && outcome_had(&identity->id_was)) {
            outcome_splice(output.len - 1, output.len - 1, empty ? "\"messageId\":" : ",\"messageId\":", &identity->id_was);
            empty = false;
        }
        if (!known && outcome_had(&identity->type_was)) {
            if (w.type_at)
                outcome_splice(w.type_at, w.type_end, "", &identity->type_was);
            else
                outcome_splice(output.len - 1, output.len - 1, empty ? "\"type\":" : ",\"type\":", &identity->type_was);
        }
    }
    if (output.full) {
        output.full = false;
        output.len = start;
        return HG_TOO_LARGE;
    }
    return HG_FORWARD;
}
