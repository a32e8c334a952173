/* The settings that a handler gets, from the JSON text that the host keeps (SPEC 5). */

static Document *settings_document;
static uint32_t settings_version;

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
