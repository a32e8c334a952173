/*
 * Atomics without threads. QuickJS leaves them out for WASI, which has no threads; here, they are plain operations, and
 * locks do nothing. `Atomics.wait` throws a TypeError before it would wait, since the runtime may not block
 * (JS_SetCanBlock).
 */

#include <stdbool.h>
#include <stdint.h>

#include "quickjs-c-atomics.h"

#define CONFIG_ATOMICS

typedef bool js_once_t;
typedef struct js_mutex_t {
    char unused;
} js_mutex_t;
typedef js_mutex_t js_cond_t;

#define JS_ONCE_INIT false

static inline void js_once(js_once_t *guard, void (*callback)(void))
{
    if (!*guard)
        callback();
    *guard = true;
}

static inline void js_mutex_init(js_mutex_t *mutex) {}
static inline void js_mutex_lock(js_mutex_t *mutex) {}
static inline void js_mutex_unlock(js_mutex_t *mutex) {}
static inline void js_cond_init(js_cond_t *cond) {}
static inline void js_cond_destroy(js_cond_t *cond) {}
static inline void js_cond_signal(js_cond_t *cond) {}
static inline void js_cond_wait(js_cond_t *cond, js_mutex_t *mutex) { __builtin_trap(); }
static inline int js_cond_timedwait(js_cond_t *cond, js_mutex_t *mutex, uint64_t timeout) { __builtin_trap(); }
