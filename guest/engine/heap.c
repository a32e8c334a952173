/*
 * The heap: size-class free lists over one bump region. Blocks of all sizes come from the same
 * region in order of allocation, so what one event allocates lies on few pages (DESIGN: dirty pages
 * are what a rewind copies and what a warm sandbox costs). After a snapshot the free lists are
 * dropped (heap_seal): events then allocate in fresh pages and leave the holes of boot untouched.
 *
 * A block is [uint32 size class][uint32 unused][payload]; payloads are 8-byte aligned.
 */

#define HEAP_SMALL_MAX 1024          /* bytes; classes of 16 up to here */
#define HEAP_SMALL_CLASSES (HEAP_SMALL_MAX / 16)
#define HEAP_CLASSES (HEAP_SMALL_CLASSES + 4 * 22) /* then four classes per power of two */
#define HEAP_GROW_PAGES 16           /* wasm pages asked for at a time */

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
    uint8_t *top;   /* start of the untouched rest */
    uint8_t *end;   /* end of linear memory as far as we own it */
    uint32_t used;  /* payload bytes handed out */
    uint32_t peak;
    bool planned;   /* while the base image is baked: see heap_malloc_planned */
} heap;

/*
 * Where the blocks of the base image lie is decided by a trial run. Allocation is deterministic, so a
 * block is known by its serial number. A first bake writes serial numbers into the block headers; the
 * builder runs sample functions and sees which blocks events write to (reference counts, mostly); the
 * second bake puts those blocks, a few KiB of a MiB, side by side. The plan is in the mailbox.
 */
static struct {
    uint32_t serial;
    const uint8_t *hot;   /* a bit per serial number, or NULL in the trial run */
    uint32_t hot_count;
    uint8_t *top, *end;   /* of the region for hot blocks */
} heap_plan;

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

static int heap_extend(size_t need)
{
    if (!heap.top) {
        heap.top = (uint8_t *)(((uintptr_t)&__heap_base + 15) & ~15u);
        heap.end = (uint8_t *)(__builtin_wasm_memory_size(0) << 16);
    }
    uint8_t *memory_end = (uint8_t *)(__builtin_wasm_memory_size(0) << 16);
    if (memory_end > heap.end) /* an image is given spare pages: they are ours without growing */
        heap.end = memory_end;
    if (need <= (size_t)(heap.end - heap.top))
        return 0;
    size_t pages = (need - (size_t)(heap.end - heap.top) + 65535) >> 16;
    if (pages < HEAP_GROW_PAGES && __builtin_wasm_memory_grow(0, HEAP_GROW_PAGES) != (size_t)-1)
        pages = HEAP_GROW_PAGES;
    else if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1)
        return -1;
    heap.end += pages << 16;
    return 0;
}

/* Kept for the error that says that memory is exhausted, and for who catches it; given up once. */
static struct {
    HeapBlock block;
    uint8_t rest[8192];
} heap_reserve __attribute__((aligned(16)));

static void heap_give_reserve(void)
{
    HeapBlock *block = &heap_reserve.block;
    if (block->reserved)
        return;
    block->reserved = 1;
    block->class = heap_class(sizeof(heap_reserve) - HEAP_HEADER) - 1; /* the next smaller size surely fits */
    block->u.next = heap.free[block->class];
    heap.free[block->class] = block;
}

/* The last resort of a full memory: part a free block of a larger class. */
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
    size_t rest = heap_class_size(larger) - size;
    if (rest >= HEAP_HEADER + 16) {
        HeapBlock *tail = (HeapBlock *)(block->u.payload + size);
        tail->class = heap_class(rest - HEAP_HEADER);
        if (heap_class_size(tail->class) > rest - HEAP_HEADER) /* what then is left over is lost */
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

static void *heap_malloc(void *opaque, size_t size)
{
    if (size > 0x7fff0000u) {
        heap_exhausted = true;
        return NULL;
    }
    uint32_t class = heap_class(size);
    if (unlikely(heap.planned))
        return heap_malloc_planned(class, heap_class_size(class));
    HeapBlock *block = heap.free[class];
    size_t full = heap_class_size(class);
    void *p;
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
    heap.used += full;
    if (heap_plan.hot && serial < heap_plan.hot_count && heap_plan.hot[serial >> 3] >> (serial & 7) & 1 &&
        total <= (size_t)(heap_plan.end - heap_plan.top)) {
        block = (HeapBlock *)heap_plan.top;
        heap_plan.top += total;
        block->class = class;
        return block->u.payload;
    }
    if (block) {
        heap.free[class] = block->u.next;
    } else {
        void *p = heap_carve(class, full);
        if (!p)
            return NULL;
        block = (HeapBlock *)((uint8_t *)p - HEAP_HEADER);
    }
    if (!heap_plan.hot)
        block->reserved = serial;
    return block->u.payload;
}

/* Takes the plan from the mailbox before the first allocation. */
static int heap_plan_begin(void)
{
    if (!box.plan_mode)
        return 0;
    if (heap_extend(4096))
        return -1;
    heap.top = (uint8_t *)(((uintptr_t)heap.top + 4095) & ~4095u);
    if (box.plan_mode == 2) {
        heap_plan.hot = (const uint8_t *)(uintptr_t)box.plan_ptr;
        heap_plan.hot_count = box.plan_count;
        if (heap_extend(box.plan_bytes))
            return -1;
        heap_plan.top = heap.top;
        heap_plan.end = heap.top += (box.plan_bytes + 4095) & ~4095u;
    }
    box.plan_heap = (uint32_t)(uintptr_t)heap.top;
    heap.planned = true;
    return 0;
}

static inline HeapBlock *heap_block(const void *p)
{
    return (HeapBlock *)((uint8_t *)(uintptr_t)p - HEAP_HEADER);
}

static void heap_free(void *opaque, void *p)
{
    if (!p)
        return;
    HeapBlock *block = heap_block(p);
    size_t full = heap_class_size(block->class);
    heap.used -= full;
    if ((uint8_t *)p + full == heap.top && full > HEAP_SMALL_MAX) {
        heap.top = (uint8_t *)block; /* the last large block goes back to the rest whole */
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
        size_t grown = heap_class_size(class); /* the last block grows where it stands */
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

/* Called once a snapshot is due: free blocks are given up as zeros, which cost an image nothing, and
 * fresh space follows from the next page on. Returns where the image ends. */
static uint32_t heap_seal(void)
{
    bool trial = heap.planned && !heap_plan.hot; /* the builder walks the blocks: leave the headers */
    for (int i = 0; i < HEAP_CLASSES; i++) {
        for (HeapBlock *block = heap.free[i], *next; block && !trial; block = next) {
            next = block->u.next;
            memset(block, 0, heap_class_size(i) + HEAP_HEADER);
        }
        heap.free[i] = NULL;
    }
    heap.planned = false;
    memset(&heap_plan, 0, sizeof(heap_plan));
    uint8_t *aligned = (uint8_t *)(((uintptr_t)heap.top + 4095) & ~4095u);
    if (heap_extend((size_t)(aligned - heap.top)) == 0) {
        memset(heap.top, 0, heap.end - heap.top); /* large blocks went back to the rest */
        heap.top = aligned;
    }
    heap.end = heap.top; /* an image ends here; what follows is looked at anew (heap_extend) */
    return (uint32_t)(uintptr_t)heap.top;
}

static const JSMallocFunctions heap_functions = {
    heap_calloc, heap_malloc, heap_free, heap_realloc, heap_usable,
};
