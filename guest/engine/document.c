/*
 * A document is JSON text that is parsed lazily. The object for an event has properties that are still text: QuickJS
 * properties in the auto-initialised state, which every part of the engine handles already. Values that are never read
 * are copied to the output as text.
 *
 * Such a property has a "realm" and an opaque pointer. The realm is the Document, disguised as a context: QuickJS holds a
 * reference to the realm for every property, so the reference count tells how many values are still text, and keeps the
 * document alive. The opaque pointer is a span number.
 */

typedef struct Span {
    uint32_t start;
    uint32_t end : 31;
    uint32_t canonical : 1;
} Span;

typedef struct Document {
    JSGCObjectHeader header; /* never on a GC list: our own reference keeps the count above zero */
    const uint8_t *text;     /* followed by a NUL and 16 more readable bytes */
    uint32_t len;
    uint32_t span_count, span_size;
    Span *spans;
    uint8_t *owned;          /* the document's own copy of the text, or NULL */
    struct Document *next;   /* in documents_kept */
} Document;

#define DOCUMENT_AUTOINIT JS_AUTOINIT_ID_MODULE_NS
#define DOCUMENT_LAZY (JS_PROP_C_W_E | JS_PROP_AUTOINIT)

static Document *documents_kept; /* documents that outlived their invocation */

static Document *document_new(void)
{
    Document *doc = js_mallocz_rt(rt, sizeof(*doc));
    if (!doc)
        return NULL;
    JS_REF_COUNT(doc) = 1;
    JS_GC_TYPE(doc) = JS_GC_OBJ_TYPE_JS_CONTEXT;
    JS_GC_MARK(doc) = 0;
    return doc;
}

static void document_open(Document *doc, const uint8_t *text, uint32_t len)
{
    doc->text = text;
    doc->len = len;
    doc->span_count = 0;
}

static void document_free(Document *doc)
{
    js_free_rt(rt, doc->spans);
    js_free_rt(rt, doc->owned);
    js_free_rt(rt, doc);
}

static inline bool document_is_shared(const Document *doc) { return JS_REF_COUNT(doc) > 1; }

/* Returns a span number, or -1 when out of memory (an exception is pending). */
static int document_span(Document *doc, const uint8_t *start, const uint8_t *end, int flags)
{
    if (unlikely(doc->span_count == doc->span_size)) {
        uint32_t size = doc->span_size ? doc->span_size * 2 : 32;
        Span *spans = js_realloc(ctx, doc->spans, size * sizeof(*spans));
        if (!spans)
            return -1;
        doc->spans = spans;
        doc->span_size = size;
    }
    Span *span = &doc->spans[doc->span_count];
    span->start = start - doc->text;
    span->end = end - doc->text;
    span->canonical = flags & SCAN_CANONICAL;
    return doc->span_count++;
}

static inline void document_set_lazy(Document *doc, JSProperty *prop, int span)
{
    JS_REF_COUNT(doc)++;
    prop->u.init.realm_and_id = (uintptr_t)doc | DOCUMENT_AUTOINIT;
    prop->u.init.opaque = (void *)(uintptr_t)span;
}

/* The document of a property that is still text; NULL for others. */
static inline Document *document_of(const JSProperty *prop, int flags)
{
    if ((flags & JS_PROP_TMASK) != JS_PROP_AUTOINIT ||
        (prop->u.init.realm_and_id & 3) != DOCUMENT_AUTOINIT)
        return NULL;
    return (Document *)(prop->u.init.realm_and_id & ~3);
}

/* Copy the text out of the mailbox, whose input the host overwrites. Returns -1 when out of memory. */
static int document_own(Document *doc)
{
    if (doc->owned)
        return 0;
    doc->owned = js_malloc_rt(rt, doc->len + 17);
    if (!doc->owned)
        return -1;
    memcpy(doc->owned, doc->text, doc->len);
    memset(doc->owned + doc->len, 0, 17);
    doc->text = doc->owned;
    return 0;
}

/* After an invocation: keep a document that still has lazy values, with a copy of its text. Returns a document for the next
 * invocation, the same one if possible, or NULL when out of memory. */
static Document *document_recycle(Document *doc)
{
    if (likely(!document_is_shared(doc))) {
        if (unlikely(doc->owned != NULL)) {
            js_free_rt(rt, doc->owned);
            doc->owned = NULL;
        }
        return doc;
    }
    if (document_own(doc))
        return NULL;
    doc->next = documents_kept;
    documents_kept = doc;
    return document_new();
}

static void documents_sweep(void)
{
    for (Document **link = &documents_kept; *link;) {
        Document *doc = *link;
        if (document_is_shared(doc)) {
            link = &doc->next;
        } else {
            *link = doc->next;
            document_free(doc);
        }
    }
}
