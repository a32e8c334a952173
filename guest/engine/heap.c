/*
 * The heap: free lists by size class over one bump-allocated region. Blocks of all sizes come from the same region in order
 * of allocation, so the allocations of one event share few pages (DESIGN: a rewind copies dirty pages, and a warm sandbox
 * consists of them). A snapshot drops the free lists (heap_seal): events then allocate in fresh pages and do not write to the
 * gaps between older blocks.
 *
 * A block is [uint32 size class][uint32 unused][payload]; payloads are 8-byte aligned.
 */

#define HEAP_SMALL_MAX 1024          /* up to this size, classes are 16 bytes apart */
#define HEAP_SMALL_CLASSES (HEAP_SMALL_MAX / 16)
#define HEAP_CLASSES (HEAP_SMALL_CLASSES + 4 * 22) /* then four classes per power of two */
#define HEAP_GROW_PAGES 16           /* wasm pages asked for at a time */
#define HEAP_TAIL 16                 /* bytes at the end of memory without blocks: loads of 16 bytes may pass a block's end */

typedef struct HeapBlock {
    uint32_t class;
    uint32_t reserved;
    union {
        struct HeapBlock *next;      /* while free */
        uint8_t payload[1];
    } u;
} HeapBlock;

#define HEAP_HEADER offsetof(HeapBlock, u)

#define HG_GC_SLACK (4u << 20)       /* bytes of growth between garbage collections */

extern uint8_t __heap_base;

static bool heap_exhausted; /* an allocation failed since the invocation began */

static struct {
    HeapBlock *free[HEAP_CLASSES];
    uint8_t *top;   /* start of the unallocated rest */
    uint8_t *high;  /* memory behind it was never used; NULL: same as `top` */
    uint8_t *end;   /* end of the memory that we own */
    uint32_t used;  /* payload bytes handed out */
    uint32_t peak;
    bool planned;   /* while the base image is baked: see heap_malloc_planned */
} heap;

/*
 * A trial run decides the layout of an image's blocks. Allocation is deterministic, so a serial number identifies a block;
 * in the trial run it is in the block's header. The second run puts the planned blocks in front of all others. The mailbox
 * points to the plan.
 *
 * Base image: the builder loads and runs sample functions, observes which blocks they write to (mostly reference counts: a
 * few KiB of a MiB), and plans the place of each. Function: seal() reports the blocks that are still in use; the second run
 * puts them next to each other, without the gaps that parsing left between them.
 */
enum { HEAP_PLAN_NONE, HEAP_PLAN_TRIAL, HEAP_PLAN_KEPT, HEAP_PLAN_PLACES };
#define HEAP_FREE UINT32_MAX /* marks free blocks while an image is sealed */

static struct {
    uint32_t serial;
    const uint8_t *kept;    /* a bit per serial number, set for planned blocks */
    const uint32_t *places; /* per serial number: offset from `start` | 1 for planned blocks, else 0 */
    uint32_t count;
    uint8_t *start, *top, *end; /* room for the planned blocks; others are behind it */
} heap_plan ENGINE_COLD;

/* Of the base image: the end of the blocks that events write to, and the end of all. */
static struct {
    const uint8_t *written_end, *end;
} heap_image;

static bool heap_noncontiguous; /* blocks are no longer contiguous: see heap_split */

static inline uint32_t heap_class(size_t size)
{
    if (size <= HEAP_SMALL_MAX)
        return size ? (size - 1) / 16 : 0;
    uint32_t power = 31 - __builtin_clz((uint32_t)size - 1); /* 2^power < size <= 2^(power+1) */
    uint32_t quarter = ((uint32_t)(size - 1) >> (power - 2)) & 3;
    return HEAP_SMALL_CLASSES + (power - 10) * 4 + quarter;
}

static inline size_t heap_class_size(uint32_t class)
{
    if (class < HEAP_SMALL_CLASSES)
        return (class + 1) * 16;
    class -= HEAP_SMALL_CLASSES;
    uint32_t power = class / 4 + 10, quarter = class % 4;
    return ((size_t)1 << power) + ((size_t)(quarter + 1) << (power - 2));
}

static uint8_t *heap_memory_end(void)
{
    return (uint8_t *)((__builtin_wasm_memory_size(0) << 16) - HEAP_TAIL);
}

static int heap_extend(size_t need)
{
    if (!heap.top) {
        heap.top = (uint8_t *)(((uintptr_t)&__heap_base + 15) & ~15u);
        heap.end = heap_memory_end();
    }
    uint8_t *memory_end = heap_memory_end();
    if (memory_end > heap.end) /* an image has spare pages, which need no growing */
        heap.end = memory_end;
    if (need <= (size_t)(heap.end - heap.top))
        return 0;
    size_t pages = (need - (size_t)(heap.end - heap.top) + 65535) >> 16;
    bool grown = pages < HEAP_GROW_PAGES && __builtin_wasm_memory_grow(0, HEAP_GROW_PAGES) != (size_t)-1;
    if (!grown && __builtin_wasm_memory_grow(0, pages) == (size_t)-1)
        return -1;
    heap.end = heap_memory_end();
    return 0;
}

/* Memory for the out-of-memory error and the code that catches it; released once. */
static struct {
    HeapBlock block;
    uint8_t rest[8192];
} heap_reserve ENGINE_COLD;

static void heap_give_reserve(void)
{
    HeapBlock *block = &heap_reserve.block;
    if (block->reserved)
        return;
    block->reserved = 1;
    block->class = heap_class(sizeof(heap_reserve) - HEAP_HEADER) - 1; /* the next smaller class certainly fits */
    block->u.next = heap.free[block->class];
    heap.free[block->class] = block;
}

/* Last resort when memory is full: split a free block of a larger class. */
static no_inline void *heap_split(uint32_t class, size_t size)
{
    uint32_t larger = class + 1;
    while (larger < HEAP_CLASSES && !heap.free[larger])
        larger++;
    if (larger == HEAP_CLASSES) {
        heap_exhausted = true;
        heap_give_reserve();
        return NULL;
    }
    HeapBlock *block = heap.free[larger];
    heap.free[larger] = block->u.next;
    block->class = class;
    heap_noncontiguous = true;
    size_t rest = heap_class_size(larger) - size;
    if (rest >= HEAP_HEADER + 16) {
        HeapBlock *tail = (HeapBlock *)(block->u.payload + size);
        tail->class = heap_class(rest - HEAP_HEADER);
        if (heap_class_size(tail->class) > rest - HEAP_HEADER) /* the remainder is lost */
            tail->class--;
        tail->u.next = heap.free[tail->class];
        heap.free[tail->class] = tail;
    }
    return block->u.payload;
}

static no_inline void *heap_carve(uint32_t class, size_t size)
{
    size_t total = size + HEAP_HEADER;
    if (total > (size_t)(heap.end - heap.top) && heap_extend(total))
        return heap_split(class, size);
    HeapBlock *block = (HeapBlock *)heap.top;
    heap.top += total;
    block->class = class;
    return block->u.payload;
}

static void *heap_malloc_planned(uint32_t class, size_t full);

/* Fast path: a free block of a small class, or NULL. */
static inline void *heap_take(size_t size)
{
    if (unlikely(size > HEAP_SMALL_MAX || heap.planned))
        return NULL;
    uint32_t class = heap_class(size);
    HeapBlock *block = heap.free[class];
    if (unlikely(!block))
        return NULL;
    heap.free[class] = block->u.next;
    heap.used += heap_class_size(class);
    if (heap.used > heap.peak)
        heap.peak = heap.used;
    return block->u.payload;
}

static void *heap_malloc(void *opaque, size_t size)
{
    void *p = heap_take(size);
    if (p)
        return p;
    if (size > 0x7fff0000u) {
        heap_exhausted = true;
        return NULL;
    }
    uint32_t class = heap_class(size);
    if (unlikely(heap.planned))
        return heap_malloc_planned(class, heap_class_size(class));
    HeapBlock *block = heap.free[class];
    size_t full = heap_class_size(class);
    if (block) {
        heap.free[class] = block->u.next;
        p = block->u.payload;
    } else if (!(p = heap_carve(class, full))) {
        return NULL;
    }
    heap.used += full;
    if (heap.used > heap.peak)
        heap.peak = heap.used;
    return p;
}

static no_inline void *heap_malloc_planned(uint32_t class, size_t full)
{
    uint32_t serial = heap_plan.serial++;
    size_t total = full + HEAP_HEADER;
    HeapBlock *block = heap.free[class];
    uint8_t *place = NULL;
    heap.used += full;
    if (serial < heap_plan.count) {
        if (heap_plan.places && heap_plan.places[serial])
            place = heap_plan.start + (heap_plan.places[serial] & ~1u);
        else if (heap_plan.kept && heap_plan.kept[serial >> 3] >> (serial & 7) & 1)
            place = heap_plan.top;
    }
    if (place && total <= (size_t)(heap_plan.end - place)) {
        block = (HeapBlock *)place;
        heap_plan.top = place + total;
        block->class = class;
    } else if (block) {
        heap.free[class] = block->u.next;
    } else {
        void *p = heap_carve(class, full);
        if (!p)
            return NULL;
        block = (HeapBlock *)((uint8_t *)p - HEAP_HEADER);
    }
    block->reserved = heap_plan.end ? 0 : serial;
    return block->u.payload;
}

/* Read the plan from the mailbox, if any, before the first allocation that it covers. */
static int heap_plan_begin(void)
{
    if (!box.plan_mode)
        return 0;
    if (heap_extend(box.plan_bytes))
        return -1;
    heap_plan.start = heap_plan.top = heap.top;
    if (box.plan_mode != HEAP_PLAN_TRIAL) {
        if (box.plan_mode == HEAP_PLAN_PLACES)
            heap_plan.places = (const uint32_t *)(uintptr_t)box.plan_ptr;
        else
            heap_plan.kept = (const uint8_t *)(uintptr_t)box.plan_ptr;
        heap_plan.count = box.plan_count;
        heap_plan.end = heap.top += box.plan_bytes;
        if (heap_plan.places)
            heap_image.written_end = heap_plan.end;
    }
    box.plan_heap = (uint32_t)(uintptr_t)heap.top;
    heap.planned = true;
    return 0;
}

static inline HeapBlock *heap_block(const void *p)
{
    return (HeapBlock *)((uint8_t *)(uintptr_t)p - HEAP_HEADER);
}

/* Fast path: free a small block. False if the block is large. */
static inline bool heap_give(void *p)
{
    HeapBlock *block = heap_block(p);
    uint32_t class = block->class;
    if (unlikely(class >= HEAP_SMALL_CLASSES))
        return false;
    heap.used -= heap_class_size(class);
    block->u.next = heap.free[class];
    heap.free[class] = block;
    return true;
}

static void heap_free(void *opaque, void *p)
{
    if (!p || heap_give(p))
        return;
    HeapBlock *block = heap_block(p);
    size_t full = heap_class_size(block->class);
    heap.used -= full;
    if ((uint8_t *)p + full == heap.top && full > HEAP_SMALL_MAX) {
        if (heap.top > heap.high)
            heap.high = heap.top;
        heap.top = (uint8_t *)block; /* the last large block rejoins the unallocated rest */
        return;
    }
    block->u.next = heap.free[block->class];
    heap.free[block->class] = block;
}

static size_t heap_usable(const void *p)
{
    return p ? heap_class_size(heap_block(p)->class) : 0;
}

static void *heap_calloc(void *opaque, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    void *p = heap_malloc(opaque, total);
    return p ? memset(p, 0, total) : NULL;
}

static void *heap_realloc(void *opaque, void *p, size_t size)
{
    if (!p)
        return heap_malloc(opaque, size);
    HeapBlock *block = heap_block(p);
    size_t full = heap_class_size(block->class);
    if (size <= full && (full <= 64 || size * 2 >= full))
        return p;
    if (size > 0x7fff0000u) {
        heap_exhausted = true;
        return NULL;
    }
    if ((uint8_t *)p + full == heap.top && size > full && size > HEAP_SMALL_MAX && !heap.planned) {
        uint32_t class = heap_class(size);
        size_t grown = heap_class_size(class); /* the last block grows in place */
        if (grown - full <= (size_t)(heap.end - heap.top) || heap_extend(grown - full) == 0) {
            heap.top += grown - full;
            heap.used += grown - full;
            if (heap.used > heap.peak)
                heap.peak = heap.used;
            block->class = class;
            return p;
        }
    }
    void *q = heap_malloc(opaque, size);
    if (!q)
        return size <= full ? p : NULL;
    memcpy(q, p, size < full ? size : full);
    heap_free(opaque, p);
    return q;
}

/* Returns the end of the last used block at or after `from`. In a trial run, puts the used blocks into the plan. */
static uint8_t *heap_survey(uint8_t *from)
{
    uint8_t *plan = heap_plan.end ? NULL : (uint8_t *)(uintptr_t)box.plan_ptr, *end = from;
    for (int i = 0; i < HEAP_CLASSES; i++)
        for (HeapBlock *block = heap.free[i]; block; block = block->u.next)
            block->reserved = HEAP_FREE;
    for (uint8_t *p = from; p < heap.top;) {
        HeapBlock *block = (HeapBlock *)p;
        size_t total = heap_class_size(block->class) + HEAP_HEADER;
        p += total;
        if (block->reserved == HEAP_FREE)
            continue;
        end = p;
        if (plan && block->reserved < box.plan_count) {
            plan[block->reserved >> 3] |= 1 << (block->reserved & 7);
            box.plan_bytes += total;
        }
    }
    return end;
}

/* Prepare for a snapshot: free blocks are abandoned as zeros, which cost an image nothing. New allocations continue directly
 * behind the last block, whose page any function writes to anyway. Returns the end of the image, rounded up to a page. */
static uint32_t heap_seal(void)
{
    bool kept = heap.planned && !heap_plan.end && !box.plan_ptr; /* the builder walks the blocks and needs their headers */
    uint8_t *used = heap.planned && !heap_noncontiguous ? heap_survey(heap_plan.end ? heap_plan.end : heap_plan.start) : heap.top;
    for (int i = 0; i < HEAP_CLASSES; i++) {
        for (HeapBlock *block = heap.free[i], *next; block && !kept; block = next) {
            next = block->u.next;
            memset(block, 0, heap_class_size(i) + HEAP_HEADER);
        }
        heap.free[i] = NULL;
    }
    uint8_t *high = heap.high > heap.top ? heap.high : heap.top;
    if (!kept)
        heap.top = used;
    if (heap_plan.places) /* functions begin on a new page */
        heap_image.end = heap.top = (uint8_t *)(((uintptr_t)heap.top + 4095) & ~4095u);
    heap.planned = false;
    heap.high = NULL;
    memset(&heap_plan, 0, sizeof(heap_plan));
    if (high > heap.top)
        memset(heap.top, 0, high - heap.top); /* left by large blocks that rejoined the rest */
    uint8_t *aligned = (uint8_t *)(((uintptr_t)heap.top + 4095) & ~4095u);
    heap_extend((size_t)(aligned - heap.top));
    heap.end = aligned; /* heap_extend then finds the spare pages */
    return (uint32_t)(uintptr_t)aligned;
}

/* Replaces js_arena_malloc: a block after QuickJS's own header (reference count, garbage collection). */
static inline void *heap_block_new(JSRuntime *r, size_t size)
{
    if (unlikely(size == 0))
        return arena_zero_block(r)->user_data;
    JSMallocBlockHeader *header = heap_take(sizeof(*header) + size);
    if (unlikely(!header) && !(header = heap_malloc(NULL, sizeof(*header) + size)))
        return NULL;
    header->u.block_idx = JS_ARENA_FREE_NIL;
    header->block_size_idx = 0xff;
    return header->user_data;
}

/* Replaces js_arena_free. */
static inline void heap_block_free(JSRuntime *r, void *p)
{
    JSMallocBlockHeader *header = container_of(p, JSMallocBlockHeader, user_data);
    if (header != arena_zero_block(r) && !heap_give(header))
        heap_free(NULL, header);
}

/* Replaces js_arena_usable_size. */
static inline size_t heap_block_usable(JSRuntime *r, const void *p)
{
    if (!p)
        return 0;
    const JSMallocBlockHeader *header = container_of(p, JSMallocBlockHeader, user_data);
    if (unlikely(header == arena_zero_block(r)))
        return 0;
    return heap_class_size(heap_block(header)->class) - sizeof(*header);
}

static const JSMallocFunctions heap_functions = {
    heap_calloc, heap_malloc, heap_free, heap_realloc, heap_usable,
};
