/*
 * Atomics without threads. QuickJS leaves them out for WASI, where nothing can wait for anybody else; the operations
 * themselves are plain ones here. Locks have nobody to keep out. `Atomics.wait` never gets as far as waiting: the runtime
 * may not block (JS_SetCanBlock), so it is a TypeError.
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
