/*
 * Several events in one entry, each invoked as by itself, with its own seed, fuel and limits. The row ends early with the
 * event after which the host has something to do: its result is in the mailbox, as after invoke(), and the others wait.
 */

typedef struct RowInput {
    uint32_t ptr, len;
} RowInput;

typedef struct RowResult {
    uint32_t fuel, outcome, output_ptr, output_len, log_ptr, log_len, log_dropped, heap_peak;
} RowResult;

/* Layout is ABI (../ABI.md, "Rows"). Then, `count` times each: a seed, in its place a RowResult; a RowInput. */
typedef struct Row {
    uint32_t count; /* events; the host may take some away while it is asked for fuel */
    uint32_t done;  /* guest to host: so many have a RowResult */
    uint32_t slice; /* fuel that each begins with */
    uint32_t fuel;  /* after so much no other is begun */
} Row;

_Static_assert(sizeof(RowResult) == sizeof(box.seed), "a result takes the place of a seed");

int HG_EXPORT(row)(void)
{
    Row *row = (Row *)(uintptr_t)box.row;
    RowResult *results = (RowResult *)(row + 1);
    const RowInput *inputs = (const RowInput *)(results + row->count);
    uint8_t *free = (uint8_t *)(inputs + row->count); /* results are copied to where texts were that nobody needs any more */
    uint32_t used = 0;

    for (uint32_t i = 0;; i++) {
        row->done = i;
        memcpy(box.seed, &results[i], sizeof(box.seed));
        box.input_ptr = inputs[i].ptr;
        box.input_len = inputs[i].len;
        uint32_t filed = operation_last;
        fuel(row->slice);
        int status = invoke();
        uint32_t spent = row->slice - (uint32_t)fuel(-1);
        used += spent;
        if (status != HG_DONE || i + 1 >= row->count || used >= row->fuel || box.outcome == HG_OUT_OF_MEMORY ||
            box.leftover || operation_last != filed || inputs[i + 1].ptr < (uintptr_t)free ||
            box.output_len + box.log_len > inputs[i + 1].ptr - (uintptr_t)free)
            return status;
        results[i] = (RowResult){ spent, box.outcome, (uintptr_t)free, box.output_len, (uintptr_t)free + box.output_len,
                                  box.log_len, box.log_dropped, box.heap_peak };
        memcpy(free, (const void *)(uintptr_t)box.output_ptr, box.output_len);
        free += box.output_len;
        memcpy(free, (const void *)(uintptr_t)box.log_ptr, box.log_len);
        free += box.log_len;
    }
}
