/* The prelude's functions that C calls, and unhandled promise rejections. */

static JSValue hook_describe, hook_wake, hook_answer, hook_settled, hook_pair, hook_is_default_handler;

static int hooks_take(JSValueConst hooks)
{
    static const struct {
        const char *name;
        JSValue *slot;
    } names[] = {
        { "describe", &hook_describe },
        { "wake", &hook_wake },
        { "answer", &hook_answer },
        { "settled", &hook_settled },
        { "pair", &hook_pair },
        { "isDefaultHandler", &hook_is_default_handler },
    };
    for (int i = 0; i < countof(names); i++) {
        *names[i].slot = JS_GetPropertyStr(ctx, hooks, names[i].name);
        if (!JS_IsFunction(ctx, *names[i].slot)) {
            JS_ThrowTypeError(ctx, "the prelude lacks the hook %s", names[i].name);
            return -1;
        }
    }
    return 0;
}

#define REJECTIONS_MAX 64 /* unhandled rejections that are kept; more are dropped */

static struct {
    JSValue promise, reason;
} rejections[REJECTIONS_MAX] ENGINE_COLD;
static int rejection_count;

static void rejections_clear(void)
{
    while (rejection_count) {
        rejection_count--;
        JS_FreeValue(ctx, rejections[rejection_count].promise);
        JS_FreeValue(ctx, rejections[rejection_count].reason);
    }
}

static void rejections_track(JSContext *c, JSValueConst promise, JSValueConst reason, bool is_handled, void *opaque)
{
    if (!is_handled) {
        if (rejection_count < REJECTIONS_MAX) {
            rejections[rejection_count].promise = js_dup(promise);
            rejections[rejection_count++].reason = js_dup(reason);
        }
        return;
    }
    for (int i = 0; i < rejection_count; i++) {
        if (JS_VALUE_GET_PTR(rejections[i].promise) == JS_VALUE_GET_PTR(promise)) {
            JS_FreeValue(ctx, rejections[i].promise);
            JS_FreeValue(ctx, rejections[i].reason);
            rejections[i] = rejections[--rejection_count];
            return;
        }
    }
}
