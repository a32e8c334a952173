/* The settings object that handlers receive, made from the host's JSON text (SPEC 5). */

static Document *settings_document;
static uint32_t settings_version;

/*
 * The settings are parsed once. Every invocation gets its own copy of this object, which user code never sees. Its members
 * are lazy text of the document, numbers, booleans and null; reading a lazy member parses it in the copy only.
 */
static JSValue settings_object;
static uint32_t settings_spans; /* spans of the document that its members use */
static int settings_lazy;       /* number of members that are lazy text */

static JSValue settings_copy(void)
{
    JSObject *object = JS_VALUE_GET_OBJ(settings_object);
    settings_document->span_count = settings_spans;
    JS_REF_COUNT(settings_document) += settings_lazy; /* released by the properties of the copy */
    return JS_NewObjectFromShape(ctx, js_dup_shape(object->shape), JS_CLASS_OBJECT, object->prop);
}

/* Read the text from the host into the document. */
static int settings_fetch(void)
{
    if (!settings_document && !(settings_document = document_new()))
        return -1;
    if (!(settings_document = document_recycle(settings_document)))
        return -1;
    uint32_t size = 512;
    for (;;) {
        uint8_t *text = js_realloc_rt(rt, settings_document->owned, size + 17);
        if (!text)
            return -1;
        settings_document->owned = text;
        int32_t len = import_settings(text, size);
        if (len < 0) {
            JS_ThrowInternalError(ctx, "the host has no settings");
            return -1;
        }
        if ((uint32_t)len <= size) {
            memset(text + len, 0, 17);
            settings_document->text = text;
            settings_document->len = len;
            break;
        }
        size = len;
    }
    settings_version = box.settings_version;
    return 0;
}

/* User code kept settings of an earlier invocation, and with them the document: go on with a copy of the document. */
static int settings_part(void)
{
    Document *fresh = document_new();
    if (!fresh || !(fresh->owned = js_malloc_rt(rt, settings_document->len + 17)))
        return -1;
    memcpy(fresh->owned, settings_document->text, settings_document->len + 17);
    fresh->text = fresh->owned;
    fresh->len = settings_document->len;
    settings_document->next = documents_kept;
    documents_kept = settings_document;
    settings_document = fresh;
    return 0;
}

/* A new settings object for an invocation. The text is read from the host once per version. */
static JSValue invoke_settings(void)
{
    bool known = settings_document && settings_version == box.settings_version;
    if (likely(known && !JS_IsUndefined(settings_object) && JS_REF_COUNT(settings_document) == 1 + settings_lazy))
        return settings_copy();
    JS_FreeValue(ctx, settings_object);
    settings_object = JS_UNDEFINED;
    if (!known ? settings_fetch() : document_is_shared(settings_document) ? settings_part() : 0)
        return JS_HasException(ctx) ? JS_EXCEPTION : JS_ThrowOutOfMemory(ctx);

    settings_document->span_count = 0;
    Parser s = { .doc = settings_document, .strings_lazy = true, .p = settings_document->text, .depth_max = SCAN_DEPTH_MAX };
    JSValue settings = *s.p == '{' ? parse_object(&s, 1) : JS_NewObject(ctx);
    if (JS_IsException(settings)) {
        if (!JS_HasException(ctx))
            JS_ThrowInternalError(ctx, "settings are not JSON: %s", scan_error);
        return settings;
    }
    if (!JS_VALUE_GET_OBJ(settings)->shape->is_hashed) /* a shape that cannot be shared */
        return settings;
    settings_object = settings;
    settings_spans = settings_document->span_count;
    settings_lazy = JS_REF_COUNT(settings_document) - 1;
    return settings_copy();
}

/* Read the settings from the host now, so that a hermetic sandbox has them after every rewind. */
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
