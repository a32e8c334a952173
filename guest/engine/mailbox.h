/* The mailbox, the struct that host and guest share. Its layout is ABI (../ABI.md), little-endian. */
#ifndef HEADGATE_MAILBOX_H
#define HEADGATE_MAILBOX_H

#define HG_ABI_VERSION 1
#define HG_INPUT_INLINE 16384 /* bytes of input that need no reserve() */

enum { /* result of an entry point */
    HG_DONE = 0,     /* the invocation has its outcome */
    HG_PENDING = 1,  /* it waits for operations or for a timer at mailbox.due_ms */
    HG_STUCK = 2,    /* the promise can never settle: nothing queued, nothing outstanding */
    HG_BAD_INPUT = 3 /* the input is invalid; output: the reason */
};

enum { /* mailbox.outcome */
    HG_FORWARD = 0,     /* output: the event as JSON */
    HG_EMPTY = 1,       /* handler returned undefined or null */
    HG_THROWN = 2,      /* output: error detail */
    HG_MISSING = 3,     /* no handler; output: the event type */
    HG_BAD_RETURN = 4,  /* output: message */
    HG_UNKNOWN_TYPE = 5,/* event.type names no handler; output: the type as JSON, or nothing */
    HG_ITEMS = 6,       /* output: item table and bodies */
    HG_TOO_LARGE = 7,   /* output larger than output_bytes_max */
    HG_OUT_OF_MEMORY = 8
};

enum { /* mailbox.flags */
    HG_FLAG_HERMETIC = 1, /* memory is rewound after the invocation: do not clean up */
    HG_FLAG_BATCH = 2,    /* input is an array for onBatch */
    HG_FLAG_DEFER = 4     /* load: only parse; the first invocation runs the top level */
};

enum { HG_TOUCHED_CLOCK = 1, HG_TOUCHED_ENTROPY = 2, HG_TOUCHED_HOST = 4 };

typedef struct Mailbox {
    /* host to guest */
    double now_ms;             /*  0 wall clock, written on entry and before every slice */
    double monotonic_ms;       /*  8 */
    uint64_t seed[4];          /* 16 entropy of this invocation */
    uint32_t flags;            /* 48 */
    uint32_t settings_version; /* 52 */
    uint32_t input_ptr;        /* 56 */
    uint32_t input_len;        /* 60 */
    /* guest to host */
    uint32_t outcome;          /* 64 */
    uint32_t output_ptr;       /* 68 */
    uint32_t output_len;       /* 72 */
    uint32_t log_ptr;          /* 76 */
    uint32_t log_len;          /* 80 */
    uint32_t log_dropped;      /* 84 lines beyond the limits */
    uint32_t heap_peak;        /* 88 most bytes in use since entry */
    uint32_t operations;       /* 92 outstanding host operations */
    double due_ms;             /* 96 clock time of the next timer, or infinity */
    uint32_t touched;          /* 104 what the top level used while compiling */
    uint32_t leftover;         /* 108 jobs still queued after the outcome */
    uint32_t handlers;         /* 112 after load: a bit per handler that exists */
    uint32_t heap_used;        /* 116 bytes in use */
    /* limits, host to guest, written once per sandbox */
    uint32_t output_bytes_max; /* 120 */
    uint32_t log_bytes_max;    /* 124 */
    uint32_t log_lines_max;    /* 128 */
    uint32_t operations_max;   /* 132 */
    uint32_t timers_max;       /* 136 */
    uint32_t stack_bytes_max;  /* 140 */
    /* heap plan, host to guest, only while an image is made (heap.c) */
    uint32_t plan_mode;        /* 144 0 none, 1 trial run, 2 kept blocks, 3 places of blocks */
    uint32_t plan_ptr;         /* 148 plan, by serial number: bits (3: offset | 1, or 0); trial: where to write it, or 0 */
    uint32_t plan_count;       /* 152 number of serial numbers in the plan */
    uint32_t plan_bytes;       /* 156 total size of the planned blocks */
    uint32_t plan_heap;        /* 160 guest to host: first block behind them */
    uint32_t unused[2];        /* 164 */
    uint32_t row;              /* 172 host to guest: the Row that row() serves */
    uint32_t reserved[4];      /* 176 */
    uint8_t input[HG_INPUT_INLINE]; /* 192 */
} Mailbox;

_Static_assert(offsetof(Mailbox, due_ms) == 96, "mailbox layout is ABI");
_Static_assert(offsetof(Mailbox, input) == 192, "mailbox layout is ABI");

static Mailbox box __attribute__((aligned(4096)));

#define HG_EXPORT(name) __attribute__((export_name(#name))) name
#endif
