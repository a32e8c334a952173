/*
 * The Headgate guest engine: QuickJS-ng and our C code as ONE translation unit, so that our code (document.c, parse.c,
 * write.c) can access object shapes and properties without patching QuickJS. The macros below rename functions of QuickJS and
 * redirect calls to our replacements. Everything runs inside the sandbox; ../ABI.md is the contract with the host.
 */

/* All allocations go to our heap (heap.c), where allocations of all sizes are adjacent, so that an event dirties few pages.
 * QuickJS names this build mode after its first use. */
#define __SANITIZE_ADDRESS__ 1

/* Lazy properties (document.c) are auto-initialised properties. QuickJS has four initialisers and no room for a fifth, so we
 * take the one of modules, which do not exist in the sandbox. The function-like macro renames the definition, but not the
 * reference in the table of initialisers. */
struct JSContext;
struct JSObject;
#include "quickjs.h"
typedef struct JSObject JSObject;
static JSValue js_module_ns_autoinit(JSContext *realm, JSObject *p, JSAtom atom, void *opaque);
#define js_module_ns_autoinit(...) unused_module_ns_autoinit(__VA_ARGS__)
/* The stack is at the bottom of memory, so QuickJS's check for a number of free bytes would wrap around and always succeed.
 * Its only read of the stack pointer is shifted up by half the address space. */
#define __builtin_frame_address(level) ((uintptr_t)__builtin_frame_address(level) + 0x80000000u)
/* Every allocation and release asks the allocator for a block's size through a function pointer. Those calls have one
 * argument and become direct calls, which the compiler can inline. The public function has two arguments. */
static size_t heap_usable(const void *p);
#define js_malloc_usable_size(...) USABLE_PICK(__VA_ARGS__, js_malloc_usable_size_of_context, USABLE_DIRECT)(__VA_ARGS__)
#define USABLE_PICK(first, second, name, ...) name
#define USABLE_DIRECT(p) js_calloc ? heap_usable(p) : 0
/* All blocks come from our heap, which replaces QuickJS's arenas except for their header. The macros redirect calls and keep
 * definitions, whose first argument begins differently. */
static inline void *heap_block_new(JSRuntime *r, size_t size);
static inline void heap_block_free(JSRuntime *r, void *p);
static inline size_t heap_block_usable(JSRuntime *r, const void *p);
#define js_arena_malloc(runtime, ...) ARENA_MALLOC_##runtime, __VA_ARGS__)
#define ARENA_MALLOC_JSRuntime engine_arena_malloc(JSRuntime
#define ARENA_MALLOC_rt heap_block_new(rt
#define js_arena_free(runtime, ...) ARENA_FREE_##runtime, __VA_ARGS__)
#define ARENA_FREE_JSRuntime engine_arena_free(JSRuntime
#define ARENA_FREE_rt heap_block_free(rt
#define js_arena_usable_size(runtime, ...) ARENA_USABLE_##runtime, __VA_ARGS__)
#define ARENA_USABLE_JSRuntime engine_arena_usable_size(JSRuntime
#define ARENA_USABLE_rt heap_block_usable(rt
/* Shapes without references go to shapes.c. */
struct JSShape;
static void shapes_free(JSRuntime *r, struct JSShape *shape);
#define js_free_shape0(runtime, ...) FREE_SHAPE_##runtime, __VA_ARGS__)
#define FREE_SHAPE_JSRuntime engine_free_shape(JSRuntime
#define FREE_SHAPE_rt shapes_free(rt
/* So do property values that are freed. */
struct JSProperty;
static inline void shapes_free_property(JSRuntime *r, struct JSProperty *property, int flags);
#define free_property(runtime, ...) FREE_PROPERTY_##runtime, __VA_ARGS__)
#define FREE_PROPERTY_JSRuntime engine_free_property(JSRuntime
#define FREE_PROPERTY_rt shapes_free_property(rt
#define FREE_PROPERTY_ctx shapes_free_property(ctx
/* Calls go through call.c. */
static inline JSValue call_function(JSContext *c, JSValueConst function, JSValueConst this_val, JSValueConst new_target,
                                    int argc, JSValueConst *argv, int flags);
#define JS_CallInternal(context, ...) CALL_INTERNAL_##context, __VA_ARGS__)
#define CALL_INTERNAL_JSContext engine_call_internal(JSContext
#define CALL_INTERNAL_ctx call_function(ctx
/* Bit operations on doubles: arith.c. String concatenation: concat.c. for-of over arrays: iterate.c. New properties:
 * shapes.c. */
static int arith_logic(JSContext *c, JSValue *sp, int op);
static int arith_shr(JSContext *c, JSValue *sp);
#define js_binary_logic_slow(context, ...) LOGIC_##context, __VA_ARGS__)
#define LOGIC_JSContext engine_logic(JSContext
#define LOGIC_ctx arith_logic(ctx
#define js_shr_slow(context, ...) SHR_##context, __VA_ARGS__)
#define SHR_JSContext engine_shr(JSContext
#define SHR_ctx arith_shr(ctx
static int concat_add(JSContext *c, JSValue *sp);
#define js_add_slow(context, ...) ADD_##context, __VA_ARGS__)
#define ADD_JSContext engine_add(JSContext
#define ADD_ctx concat_add(ctx
static int iterate_next(JSContext *c, JSValue *sp, int offset);
#define js_for_of_next(context, ...) FOR_OF_##context, __VA_ARGS__)
#define FOR_OF_JSContext engine_for_of_next(JSContext
#define FOR_OF_ctx iterate_next(ctx
static void shapes_function(JSContext *c, JSValue function, JSAtom name, int length);
#define js_function_set_properties(context, ...) FUNCTION_SET_##context, __VA_ARGS__)
#define FUNCTION_SET_JSContext engine_function_set(JSContext
#define FUNCTION_SET_ctx shapes_function(ctx
static int shapes_define(JSContext *c, JSValueConst object, JSAtom name, JSValue value, int flags);
#define JS_DefinePropertyValue(context, ...) DEFINE_VALUE_##context, __VA_ARGS__)
#define DEFINE_VALUE_JSContext engine_define_value(JSContext
#define DEFINE_VALUE_ctx shapes_define(ctx
/* Object.keys: keys.c. The table of Object names the function without arguments, and gets ours. */
static JSValue js_object_keys(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv, int kind);
#define js_object_keys(...) engine_object_keys(__VA_ARGS__)
/* Array.prototype.sort: sort.c, likewise. */
static JSValue js_array_sort(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv);
#define js_array_sort(context, ...) ARRAY_SORT_##context, __VA_ARGS__)
#define ARRAY_SORT_JSContext engine_array_sort(JSContext
#define ARRAY_SORT_ctx js_array_sort(ctx
/* toLowerCase and toUpperCase: case.c, likewise. */
static JSValue js_string_toLowerCase(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv, int lower);
#define js_string_toLowerCase(...) engine_string_case(__VA_ARGS__)
/* Globals and methods of strings are looked up through lookup.c. */
static JSValue lookup_global(JSContext *c, JSAtom name, bool must_exist);
static inline JSValue lookup_property(JSContext *c, JSValueConst value, JSAtom name, JSValueConst this_val, bool must_exist);
#define JS_GetGlobalVar(context, ...) GET_GLOBAL_##context, __VA_ARGS__)
#define GET_GLOBAL_JSContext engine_get_global(JSContext
#define GET_GLOBAL_ctx lookup_global(ctx
#define JS_GetPropertyInternal(context, ...) GET_PROPERTY_##context, __VA_ARGS__)
#define GET_PROPERTY_JSContext engine_get_property(JSContext
#define GET_PROPERTY_ctx lookup_property(ctx
/* Own properties that the interpreter looks up go through lookup.c; only its calls have an argument called `atom`. */
struct JSShapeProperty;
static inline struct JSShapeProperty *lookup_own(JSAtom name, struct JSProperty **found, JSObject *p);
#define find_own_property(found, object, name) FIND_OWN_##name, found, object)
#define FIND_OWN_JSAtom engine_find_own_property(JSAtom
#define FIND_OWN_atom lookup_own(atom
#define FIND_OWN_prop engine_find_own_property(prop
#define FIND_OWN_brand_atom engine_find_own_property(brand_atom
#define FIND_OWN_js_symbol_to_atom engine_find_own_property(js_symbol_to_atom
#define FIND_OWN_JS_ATOM_name engine_find_own_property(JS_ATOM_name
#define FIND_OWN_JS_ATOM_Private_brand engine_find_own_property(JS_ATOM_Private_brand
/* Makes the interpreter use a switch instead of computed gotos, which Wasm does not have: a table of labels would be looked
 * up only to be switched over. This is the only effect of the macro. */
#define EMSCRIPTEN 1
/* locals.c optimises a function's code before it is made final. */
struct JSFunctionDef;
static int locals_resolve_labels(JSContext *c, struct JSFunctionDef *s);
#define resolve_labels(context, ...) RESOLVE_LABELS_##context, __VA_ARGS__)
#define RESOLVE_LABELS_JSContext engine_resolve_labels(JSContext
#define RESOLVE_LABELS_ctx locals_resolve_labels(ctx
/* Regular expressions are compiled and executed through regexp.c. */
#define lre_compile regexp_compile
#define lre_exec regexp_exec
/* replace.c has fast paths and uses QuickJS's functions for the rest. The macros rename definitions and direct calls; the
 * table of RegExp.prototype, which names them without arguments, gets ours. */
static JSValue js_regexp_exec(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv);
static JSValue js_regexp_test(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv);
static JSValue js_regexp_Symbol_replace(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv);
#define js_regexp_exec(...) engine_regexp_exec(__VA_ARGS__)
#define js_regexp_test(...) engine_regexp_test(__VA_ARGS__)
#define js_regexp_Symbol_replace(...) engine_regexp_replace(__VA_ARGS__)
/* stack.c decides whether frames may be stored in an error. The definition and the two calls of QuickJS's function differ in
 * how their argument begins. */
static bool stack_store(JSContext *c, JSValueConst error, bool prepared);
static bool stack_add(JSContext *c, JSValueConst exception, JSValueConst frames, bool prepared);
#define can_store_error_stack(argument) CAN_STORE_##argument)
#define CAN_STORE_JSValueConst can_store_stack(JSValueConst
#define CAN_STORE_exc can_store_stack(exc
#define CAN_STORE_error_obj stack_store(ctx, error_obj, has_prepare
#define can_add_backtrace(argument) CAN_ADD_##argument)
#define CAN_ADD_JSValueConst can_add_stack(JSValueConst
#define CAN_ADD_exc can_add_stack(exc
#define CAN_ADD_error_obj stack_add(ctx, error_obj, stack, has_prepare
/* References to immortal objects (immortal.c) are not counted. Bytecode may refer to an atom by number only if it has the same
 * number in every engine; the calls that check this are those with an argument called `atom`. */
#undef JS_VALUE_HAS_REF_COUNT
#define JS_VALUE_HAS_REF_COUNT(v) \
    ((unsigned)JS_VALUE_GET_TAG(v) >= (unsigned)JS_TAG_FIRST && js_rc(JS_VALUE_GET_PTR(v))->ref_count >= 0)
static inline bool immortal_atom(JSAtom atom);
#define __JS_AtomIsConst(argument) ATOM_IS_CONST_##argument)
#define ATOM_IS_CONST_JSAtom engine_atom_is_const(JSAtom
#define ATOM_IS_CONST_atom engine_atom_is_const(atom
#define ATOM_IS_CONST_v immortal_atom(v
#define ATOM_IS_CONST_i immortal_atom(i
struct JSString;
static inline void immortal_free_string(JSRuntime *r, struct JSString *string);
#define js_free_string(runtime, ...) FREE_STRING_##runtime, __VA_ARGS__)
#define FREE_STRING_JSRuntime engine_free_string(JSRuntime
#define FREE_STRING_rt immortal_free_string(rt
#define FREE_STRING_ctx immortal_free_string(ctx
#define FREE_STRING_s immortal_free_string(s
#include "threads.h"
#include "quickjs.c"
#undef js_free_string
#undef __JS_AtomIsConst
#undef can_add_backtrace
#undef can_store_error_stack
#undef resolve_labels
#undef EMSCRIPTEN
#undef find_own_property
#undef JS_GetPropertyInternal
#undef js_string_toLowerCase
#undef js_object_keys
#undef js_array_sort
#undef JS_DefinePropertyValue
#undef js_function_set_properties
#undef js_for_of_next
#undef js_add_slow
#undef js_shr_slow
#undef js_binary_logic_slow
#undef JS_GetGlobalVar
#undef JS_CallInternal
#undef free_property
#undef js_free_shape0
#undef js_arena_usable_size
#undef js_arena_free
#undef js_arena_malloc
#undef js_regexp_Symbol_replace
#undef js_regexp_test
#undef js_regexp_exec
#undef lre_exec
#undef lre_compile
#undef js_malloc_usable_size
#undef __builtin_frame_address
#undef js_module_ns_autoinit
#undef malloc
#undef free
#undef realloc

#include <string.h>
#include <wasm_simd128.h>

#include "mailbox.h"

/* For data that events rarely write to, to keep it off the pages that nearly all events write to. */
#define ENGINE_COLD __attribute__((section("cold"), aligned(16)))

static JSRuntime *rt;
static JSContext *ctx;

static inline JSShapeProperty *find_own_property(JSProperty **found, JSObject *p, JSAtom name)
{
    return engine_find_own_property(name, found, p);
}

#include "memory.c"
#include "heap.c"
#include "immortal.c"
#include "call.c"
#include "arith.c"
#include "concat.c"
#include "iterate.c"
#include "case.c"
#include "keys.c"
#include "sort.c"
#include "shapes.c"
#include "lookup.c"
#include "locals.c"
#include "regexp.c"
#include "replace.c"
#include "libc.c"
#include "imports.c"
#include "bytes.c"
#include "number.c"
#include "scan.c"
#include "document.c"
#include "parse.c"
#include "write.c"
#include "json.c"
#include "console.c"
#include "stack.c"
#include "entropy.c"
#include "codec.c"
#include "inspect.c"
#include "url.c"
#include "crypto.c"
#include "zlib.c"
#include "native.c"
#include "hooks.c"
#include "handlers.c"
#include "load.c"
#include "outcome.c"
#include "settings.c"
#include "input.c"
#include "finish.c"
#include "invoke.c"
#include "row.c"
#include "recall.c"
#include "boot.c"
