/*
 * native.crypto: handles for the states of crypto.zig, which does the arithmetic. User code never sees these functions;
 * the prelude checks arguments by Node's rules before it calls them.
 *
 * "data" arguments are a string (encoded as UTF-8), an ArrayBuffer or a view of one.
 */

size_t hg_digest_size(void);
size_t hg_digest_length(uint32_t algorithm);
bool hg_digest_extendable(uint32_t algorithm);
void hg_digest_init(void *state, uint32_t algorithm);
void hg_digest_init_keyed(void *state, uint32_t algorithm, const uint8_t *key, size_t len);
void hg_digest_update(void *state, const uint8_t *bytes, size_t len);
void hg_digest_final(void *state, uint8_t *out, size_t len);
void hg_pbkdf2(uint8_t *out, size_t out_len, uint32_t algorithm, const uint8_t *password, size_t password_len,
               const uint8_t *salt, size_t salt_len, uint32_t rounds);
void hg_hkdf(uint8_t *out, size_t out_len, uint32_t algorithm, const uint8_t *key, size_t key_len,
             const uint8_t *salt, size_t salt_len, const uint8_t *info, size_t info_len);
size_t hg_scrypt_memory(uint32_t n, uint32_t r, uint32_t p);
bool hg_scrypt(uint8_t *out, size_t out_len, const uint8_t *password, size_t password_len, const uint8_t *salt,
               size_t salt_len, uint32_t n, uint32_t r, uint32_t p, uint8_t *memory, size_t memory_len);
size_t hg_cipher_size(void);
void hg_cipher_init(void *state, uint8_t mode, bool decrypting, const uint8_t *key, size_t key_len, const uint8_t *iv,
                    size_t iv_len);
void hg_cipher_set_padding(void *state, bool padding);
void hg_cipher_associate(void *state, const uint8_t *bytes, size_t len);
size_t hg_cipher_update(void *state, uint8_t *out, const uint8_t *bytes, size_t len);
int32_t hg_cipher_final(void *state, uint8_t *out);
void hg_cipher_tag(void *state, uint8_t *out);

enum { CRYPTO_BLOCK = 16 };
enum { CIPHER_ECB = 0, CIPHER_GCM = 6 }; /* the first and the last Mode of crypto/cipher.zig */

/* ---- arguments ---- */

/* The bytes of an argument, valid until the next call into JavaScript. */
typedef struct Slice {
    const uint8_t *data;
    uint32_t len;
    JSValue text;    /* the string that `data` points into, or undefined */
    uint8_t *copy;   /* memory that the slice owns, or NULL */
} Slice;

static void slice_free(JSContext *c, Slice *s)
{
    JS_FreeValue(c, s->text);
    heap_free(NULL, s->copy);
}

static int slice_of_text(JSContext *c, Slice *s, JSValueConst v)
{
    JSValue text = JS_ToString(c, v); /* flattens a rope */
    if (JS_IsException(text))
        return -1;
    JSString *p = JS_VALUE_GET_STRING(text);
    uint32_t plain = 0;
    if (!p->is_wide_char) {
        const uint8_t *units = str8(p);
        while (plain < p->len && units[plain] < 0x80)
            plain++;
    }
    s->text = text;
    if (plain == p->len && !p->is_wide_char) {
        s->data = str8(p);
        s->len = plain;
        return 0;
    }
    Bytes out = { .max = 0x3fffffff };
    for (uint32_t i = 0; i < p->len && bytes_room(&out, 4); i++) {
        uint32_t ch = string_get(p, i);
        if (is_hi_surrogate(ch) && i + 1 < p->len && is_lo_surrogate(string_get(p, i + 1)))
            ch = from_surrogate(ch, string_get(p, ++i));
        else if (is_surrogate(ch))
            ch = 0xfffd;
        out.len += utf8_encode(out.data + out.len, ch);
    }
    s->copy = out.data;
    s->data = out.data ? out.data : (const uint8_t *)"";
    s->len = out.len;
    if (!out.failed && !out.full)
        return 0;
    JS_ThrowOutOfMemory(c);
    slice_free(c, s);
    return -1;
}

/* Returns 0, or -1 with an exception. After success, the slice must be freed by slice_free. */
static int slice_of(JSContext *c, Slice *s, JSValueConst v)
{
    *s = (Slice){ .data = (const uint8_t *)"", .text = JS_UNDEFINED };
    if (JS_IsString(v))
        return slice_of_text(c, s, v);
    JSObject *p = JS_IsObject(v) ? JS_VALUE_GET_OBJ(v) : NULL;
    JSArrayBuffer *buffer = NULL;
    uint32_t offset = 0, len = 0;
    if (p && (p->class_id == JS_CLASS_ARRAY_BUFFER || p->class_id == JS_CLASS_SHARED_ARRAY_BUFFER)) {
        buffer = p->u.array_buffer;
        len = buffer->byte_length;
    } else if (p && (is_typed_array(p->class_id) || p->class_id == JS_CLASS_DATAVIEW)) {
        JSTypedArray *view = p->u.typed_array;
        buffer = view->buffer->u.array_buffer;
        offset = view->offset;
        len = view->length;
        if (p->class_id == JS_CLASS_DATAVIEW && view->track_rab)
            len = offset <= buffer->byte_length ? buffer->byte_length - offset : 0;
    }
    if (!buffer) {
        JS_ThrowTypeError(c, "not a string, ArrayBuffer or view");
        return -1;
    }
    if (buffer->detached || offset > (uint32_t)buffer->byte_length || len > buffer->byte_length - offset) {
        JS_ThrowTypeErrorArrayBufferOOB(c);
        return -1;
    }
    if (len) {
        s->data = buffer->data + offset;
        s->len = len;
    }
    return 0;
}

/* Makes slices of *count* arguments from *argv*; after a failure, none need be freed. */
static int slices_of(JSContext *c, Slice *slices, JSValueConst *argv, int count)
{
    for (int i = 0; i < count; i++) {
        if (slice_of(c, &slices[i], argv[i])) {
            while (i--)
                slice_free(c, &slices[i]);
            return -1;
        }
    }
    return 0;
}

static void slices_free(JSContext *c, Slice *slices, int count)
{
    while (count--)
        slice_free(c, &slices[count]);
}

/* An ArrayBuffer that owns *data*, which came from js_malloc. */
static JSValue buffer_of(JSContext *c, uint8_t *data, size_t len)
{
    JSValue buffer = JS_NewArrayBuffer(c, data, len, 0, js_array_buffer_realloc, NULL, false);
    if (JS_IsException(buffer))
        js_free(c, data);
    return buffer;
}

/* ---- handles: JavaScript objects that own a state ---- */

static JSClassID digest_class, cipher_class;

/* States need 16-byte alignment; the heap aligns to 8. */
static void *aligned(void *block) { return (void *)(((uintptr_t)block + 15) & ~(uintptr_t)15); }

static JSValue handle_new(JSContext *c, JSClassID class_id, size_t size, void **state)
{
    void *block = js_malloc(c, size + 15);
    if (!block)
        return JS_EXCEPTION;
    JSValue handle = JS_NewObjectProtoClass(c, JS_NULL, class_id);
    if (JS_IsException(handle)) {
        js_free(c, block);
        return handle;
    }
    JS_SetOpaque(handle, block);
    *state = aligned(block);
    return handle;
}

static void *handle_state(JSContext *c, JSClassID class_id, JSValueConst handle)
{
    void *block = JS_GetOpaque2(c, handle, class_id);
    return block ? aligned(block) : NULL;
}

static void digest_finalizer(JSRuntime *runtime, JSValueConst handle)
{
    js_free_rt(runtime, JS_GetOpaque(handle, digest_class));
}

/* ---- digests ---- */

static int algorithm_of(JSContext *c, uint32_t *algorithm, JSValueConst v)
{
    if (JS_ToUint32(c, algorithm, v))
        return -1;
    if (hg_digest_length(*algorithm))
        return 0;
    JS_ThrowRangeError(c, "no such algorithm");
    return -1;
}

/* digest(algorithm, key?) -> handle; with a key, of an HMAC */
static JSValue crypto_digest(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t algorithm;
    void *state;
    Slice key;
    if (algorithm_of(c, &algorithm, argv[0]))
        return JS_EXCEPTION;
    bool keyed = argc > 1 && !JS_IsUndefined(argv[1]);
    if (keyed && slice_of(c, &key, argv[1]))
        return JS_EXCEPTION;
    JSValue handle = handle_new(c, digest_class, hg_digest_size(), &state);
    if (!JS_IsException(handle)) {
        if (keyed)
            hg_digest_init_keyed(state, algorithm, key.data, key.len);
        else
            hg_digest_init(state, algorithm);
    }
    if (keyed)
        slice_free(c, &key);
    return handle;
}

/* update(handle, data) */
static JSValue crypto_update(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    Slice data;
    void *state = handle_state(c, digest_class, argv[0]);
    if (!state || slice_of(c, &data, argv[1]))
        return JS_EXCEPTION;
    hg_digest_update(state, data.data, data.len);
    slice_free(c, &data);
    return JS_UNDEFINED;
}

/* final(handle, length) -> ArrayBuffer; consumes the handle. A length other than 0 is for extendable algorithms only. */
static JSValue crypto_final(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t len;
    void *state = handle_state(c, digest_class, argv[0]);
    if (!state || JS_ToUint32(c, &len, argv[1]))
        return JS_EXCEPTION;
    if (len > INT32_MAX)
        return JS_ThrowRangeError(c, "invalid array buffer length");
    uint8_t *out = js_malloc(c, len ? len : 1);
    if (!out)
        return JS_EXCEPTION;
    hg_digest_final(state, out, len);
    return buffer_of(c, out, len);
}

/* copy(handle) -> handle */
static JSValue crypto_copy(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    void *copy, *state = handle_state(c, digest_class, argv[0]);
    if (!state)
        return JS_EXCEPTION;
    JSValue handle = handle_new(c, digest_class, hg_digest_size(), &copy);
    if (!JS_IsException(handle))
        memcpy(copy, state, hg_digest_size());
    return handle;
}

/* digestLength(algorithm) -> its default length in bytes */
static JSValue crypto_digest_length(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t algorithm;
    if (algorithm_of(c, &algorithm, argv[0]))
        return JS_EXCEPTION;
    return js_uint32(hg_digest_length(algorithm));
}

/* equal(a, b) -> whether two data are equal, in a time that depends only on their length */
static JSValue crypto_equal(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    Slice s[2];
    if (slices_of(c, s, argv, 2))
        return JS_EXCEPTION;
    uint8_t difference = s[0].len != s[1].len;
    for (uint32_t i = 0; !difference && i < s[0].len; i++) {
        volatile uint8_t bits = s[0].data[i] ^ s[1].data[i];
        difference |= bits;
    }
    slices_free(c, s, 2);
    return js_bool(!difference);
}

/* ---- derivation ---- */

/* pbkdf2(algorithm, password, salt, rounds, length) -> ArrayBuffer */
static JSValue crypto_pbkdf2(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t algorithm, rounds, len;
    Slice s[2];
    if (algorithm_of(c, &algorithm, argv[0]) || JS_ToUint32(c, &rounds, argv[3]) || JS_ToUint32(c, &len, argv[4]) ||
        slices_of(c, s, argv + 1, 2))
        return JS_EXCEPTION;
    uint8_t *out = js_malloc(c, len ? len : 1);
    if (out)
        hg_pbkdf2(out, len, algorithm, s[0].data, s[0].len, s[1].data, s[1].len, rounds);
    slices_free(c, s, 2);
    return out ? buffer_of(c, out, len) : JS_EXCEPTION;
}

/* hkdf(algorithm, key, salt, info, length) -> ArrayBuffer; length is at most 255 digests */
static JSValue crypto_hkdf(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t algorithm, len;
    Slice s[3];
    if (algorithm_of(c, &algorithm, argv[0]) || JS_ToUint32(c, &len, argv[4]) || slices_of(c, s, argv + 1, 3))
        return JS_EXCEPTION;
    uint8_t *out = js_malloc(c, len ? len : 1);
    if (out)
        hg_hkdf(out, len, algorithm, s[0].data, s[0].len, s[1].data, s[1].len, s[2].data, s[2].len);
    slices_free(c, s, 3);
    return out ? buffer_of(c, out, len) : JS_EXCEPTION;
}

/* scrypt(password, salt, n, r, p, length) -> ArrayBuffer, or null when there is not enough memory */
static JSValue crypto_scrypt(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t n, r, p, len;
    Slice s[2];
    if (JS_ToUint32(c, &n, argv[2]) || JS_ToUint32(c, &r, argv[3]) || JS_ToUint32(c, &p, argv[4]) ||
        JS_ToUint32(c, &len, argv[5]) || slices_of(c, s, argv, 2))
        return JS_EXCEPTION;
    size_t size = hg_scrypt_memory(n, r, p);
    uint8_t *memory = size ? heap_malloc(NULL, size) : NULL;
    uint8_t *out = memory ? js_malloc(c, len) : NULL;
    JSValue result = memory ? JS_EXCEPTION : JS_NULL;
    if (out) {
        if (hg_scrypt(out, len, s[0].data, s[0].len, s[1].data, s[1].len, n, r, p, memory, size)) {
            result = buffer_of(c, out, len);
        } else {
            js_free(c, out);
            result = JS_NULL;
        }
    }
    heap_free(NULL, memory);
    slices_free(c, s, 2);
    return result;
}

/* ---- ciphers ---- */

static void cipher_finalizer(JSRuntime *runtime, JSValueConst handle)
{
    js_free_rt(runtime, JS_GetOpaque(handle, cipher_class));
}

/* The prelude checks lengths too, but it reads properties of views, which user code can fake. */
static bool cipher_fits(uint32_t mode, uint32_t key_len, uint32_t iv_len)
{
    if (mode > CIPHER_GCM || (key_len != 16 && key_len != 24 && key_len != 32))
        return false;
    return mode == CIPHER_ECB || (mode == CIPHER_GCM ? iv_len > 0 : iv_len == CRYPTO_BLOCK);
}

/* cipher(mode, decrypting, key, iv) -> handle */
static JSValue crypto_cipher(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    uint32_t mode;
    void *state;
    Slice s[2];
    if (JS_ToUint32(c, &mode, argv[0]) || slices_of(c, s, argv + 2, 2))
        return JS_EXCEPTION;
    if (!cipher_fits(mode, s[0].len, s[1].len)) {
        slices_free(c, s, 2);
        return JS_ThrowRangeError(c, "Invalid key or initialization vector");
    }
    JSValue handle = handle_new(c, cipher_class, hg_cipher_size(), &state);
    if (!JS_IsException(handle))
        hg_cipher_init(state, mode, JS_ToBool(c, argv[1]), s[0].data, s[0].len, s[1].data, s[1].len);
    slices_free(c, s, 2);
    return handle;
}

/* cipherPadding(handle, on) */
static JSValue crypto_cipher_padding(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    void *state = handle_state(c, cipher_class, argv[0]);
    if (!state)
        return JS_EXCEPTION;
    hg_cipher_set_padding(state, JS_ToBool(c, argv[1]));
    return JS_UNDEFINED;
}

/* cipherAssociate(handle, data) */
static JSValue crypto_cipher_associate(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    Slice data;
    void *state = handle_state(c, cipher_class, argv[0]);
    if (!state || slice_of(c, &data, argv[1]))
        return JS_EXCEPTION;
    hg_cipher_associate(state, data.data, data.len);
    slice_free(c, &data);
    return JS_UNDEFINED;
}

/* cipherUpdate(handle, data) -> ArrayBuffer */
static JSValue crypto_cipher_update(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    Slice data;
    void *state = handle_state(c, cipher_class, argv[0]);
    if (!state || slice_of(c, &data, argv[1]))
        return JS_EXCEPTION;
    uint8_t *out = js_malloc(c, data.len + CRYPTO_BLOCK);
    size_t len = out ? hg_cipher_update(state, out, data.data, data.len) : 0;
    slice_free(c, &data);
    return out ? buffer_of(c, out, len) : JS_EXCEPTION;
}

/* cipherFinal(handle) -> ArrayBuffer, or an error: -1 wrong final block length, -2 bad decrypt */
static JSValue crypto_cipher_final(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    void *state = handle_state(c, cipher_class, argv[0]);
    uint8_t out[CRYPTO_BLOCK];
    if (!state)
        return JS_EXCEPTION;
    int32_t len = hg_cipher_final(state, out);
    return len < 0 ? js_int32(len) : JS_NewArrayBufferCopy(c, out, len);
}

/* cipherTag(handle) -> ArrayBuffer of 16 bytes; consumes the handle */
static JSValue crypto_cipher_tag(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    void *state = handle_state(c, cipher_class, argv[0]);
    uint8_t out[CRYPTO_BLOCK];
    if (!state)
        return JS_EXCEPTION;
    hg_cipher_tag(state, out);
    return JS_NewArrayBufferCopy(c, out, CRYPTO_BLOCK);
}

/* ---- public and private keys, computed by the host ---- */

enum { KEYS_ANSWER_MAX = 32768, KEYS_RANDOM = 1, KEYS_ERROR = 2 };

/* Burns `thousands` of fuel for work of the host, so that it is charged, sliced and replayed like the guest's own. This
 * takes hardly any time, because fuel is counted before the compiler removes these instructions as useless. */
static void fuel_burn(uint32_t thousands)
{
    while (thousands--)
        __asm__ volatile(".rept 1000\n\ti32.const 0\n\tdrop\n\t.endr");
}

/* keys(request, data) -> ArrayBuffer, or a string with an error as JSON */
static JSValue crypto_keys(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    struct { uint32_t fuel, flags; } head;
    Slice s[2];
    if (slices_of(c, s, argv, 2))
        return JS_EXCEPTION;
    JSValue result = JS_EXCEPTION;
    uint8_t *answer = js_malloc(c, KEYS_ANSWER_MAX);
    if (answer) {
        int32_t n = import_keys(s[0].data, s[0].len, s[1].data, s[1].len, answer, KEYS_ANSWER_MAX);
        if (n < (int32_t)sizeof(head)) {
            JS_ThrowInternalError(c, "the host refused the request (%d)", n);
        } else {
            memcpy(&head, answer, sizeof(head));
            fuel_burn(head.fuel);
            if (head.flags & KEYS_RANDOM)
                touched |= HG_TOUCHED_HOST;
            n -= sizeof(head);
            result = head.flags & KEYS_ERROR ? JS_NewStringLen(c, (const char *)answer + sizeof(head), n)
                                             : JS_NewArrayBufferCopy(c, answer + sizeof(head), n);
        }
        memset(answer, 0, KEYS_ANSWER_MAX); /* it may contain a private key */
        js_free(c, answer);
    }
    slices_free(c, s, 2);
    return result;
}

static const JSCFunctionListEntry crypto_functions[] = {
    JS_CFUNC_DEF("digest", 2, crypto_digest),
    JS_CFUNC_DEF("update", 2, crypto_update),
    JS_CFUNC_DEF("final", 2, crypto_final),
    JS_CFUNC_DEF("copy", 1, crypto_copy),
    JS_CFUNC_DEF("digestLength", 1, crypto_digest_length),
    JS_CFUNC_DEF("equal", 2, crypto_equal),
    JS_CFUNC_DEF("pbkdf2", 5, crypto_pbkdf2),
    JS_CFUNC_DEF("hkdf", 5, crypto_hkdf),
    JS_CFUNC_DEF("scrypt", 6, crypto_scrypt),
    JS_CFUNC_DEF("cipher", 4, crypto_cipher),
    JS_CFUNC_DEF("cipherPadding", 2, crypto_cipher_padding),
    JS_CFUNC_DEF("cipherAssociate", 2, crypto_cipher_associate),
    JS_CFUNC_DEF("cipherUpdate", 2, crypto_cipher_update),
    JS_CFUNC_DEF("cipherFinal", 1, crypto_cipher_final),
    JS_CFUNC_DEF("cipherTag", 1, crypto_cipher_tag),
    JS_CFUNC_DEF("keys", 2, crypto_keys),
};

/* Sets native.crypto. */
static void hg_crypto_init(JSContext *c, JSValue native)
{
    static const JSClassDef digest_def = { "Digest", .finalizer = digest_finalizer };
    static const JSClassDef cipher_def = { "Cipher", .finalizer = cipher_finalizer };
    JSRuntime *runtime = JS_GetRuntime(c);
    JS_NewClassID(runtime, &digest_class);
    JS_NewClass(runtime, digest_class, &digest_def);
    JS_NewClassID(runtime, &cipher_class);
    JS_NewClass(runtime, cipher_class, &cipher_def);
    JSValue functions = JS_NewObject(c);
    JS_SetPropertyFunctionList(c, functions, crypto_functions, countof(crypto_functions));
    JS_DefinePropertyValueStr(c, native, "crypto", functions, JS_PROP_C_W_E);
}
