/* The mailbox: the one struct that host and guest share. Layout is ABI (../ABI.md); little endian. */
#ifndef HEADGATE_MAILBOX_H
#define HEADGATE_MAILBOX_H

#define HG_ABI_VERSION 1
#define HG_INPUT_INLINE 16384 /* bytes of input that need no reserve() */

enum { /* what an entry point returns */
    HG_DONE = 0,     /* the invocation has its outcome */
    HG_PENDING = 1,  /* waiting: operations outstanding or a timer due at mailbox.due_ms */
    HG_STUCK = 2,    /* the promise can never settle: nothing queued, nothing outstanding */
    HG_BAD_INPUT = 3 /* the input is not what the entry point takes; output holds the reason */
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
    HG_FLAG_HERMETIC = 1, /* memory is thrown back after the invocation: do not clean up */
    HG_FLAG_BATCH = 2,    /* input is an array for onBatch */
    HG_FLAG_DEFER = 4     /* load: parse only, run the top level at the first invocation */
};

enum { HG_TOUCHED_CLOCK = 1, HG_TOUCHED_ENTROPY = 2, HG_TOUCHED_HOST = 4 };

typedef struct Mailbox {
    /* host to guest */
    double now_ms;             /*  0 wall clock, written on entry and at every slice */
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
    uint32_t heap_peak;        /* 88 bytes in use at most since entry */
    uint32_t operations;       /* 92 outstanding host operations */
    double due_ms;             /* 96 clock time of the next timer, or infinity */
    uint32_t touched;          /* 104 what the top level asked for while compiling */
    uint32_t leftover;         /* 108 jobs still queued after the outcome */
    uint32_t handlers;         /* 112 bit per handler present, after load */
    uint32_t heap_used;        /* 116 bytes in use */
    /* limits, host to guest, written once per sandbox */
    uint32_t output_bytes_max; /* 120 */
    uint32_t log_bytes_max;    /* 124 */
    uint32_t log_lines_max;    /* 128 */
    uint32_t operations_max;   /* 132 */
    uint32_t timers_max;       /* 136 */
    uint32_t stack_bytes_max;  /* 140 */
    /* heap plan, host to guest, only while an image is made (heap.c) */
    uint32_t plan_mode;        /* 144 0 none, 1 trial run, 2 blocks that are kept, 3 places of blocks */
    uint32_t plan_ptr;         /* 148 per block serial number a bit (3: offset and 1, or 0); trial: where seal() puts bits, if anywhere */
    uint32_t plan_count;       /* 152 serial numbers that there is room for */
    uint32_t plan_bytes;       /* 156 room that these blocks need */
    uint32_t plan_heap;        /* 160 guest to host: first block behind that room */
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
