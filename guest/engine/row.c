/*
 * Several events in one call of the host. Each is invoked as if alone, with its own seed, fuel and limits. The row ends
 * early with the first event that needs the host: its result is in the mailbox, as after invoke(), and the rest are not run.
 */

typedef struct RowInput {
    uint32_t ptr, len;
} RowInput;

typedef struct RowResult {
    uint32_t fuel, outcome, output_ptr, output_len, log_ptr, log_len, log_dropped, heap_peak;
} RowResult;

/* The layout is ABI (../ABI.md, "Rows"). `count` seeds, which results overwrite, and `count` RowInputs follow. */
typedef struct Row {
    uint32_t count; /* events; the host may reduce it during a pause */
    uint32_t done;  /* guest to host: number of RowResults */
    uint32_t slice; /* fuel of each event's first slice */
    uint32_t fuel;  /* once this much is used, no other event is begun */
} Row;

_Static_assert(sizeof(RowResult) == sizeof(box.seed), "a result takes the place of a seed");

int HG_EXPORT(row)(void)
{
    Row *row = (Row *)(uintptr_t)box.row;
    RowResult *results = (RowResult *)(row + 1);
    const RowInput *inputs = (const RowInput *)(results + row->count);
    uint8_t *free = (uint8_t *)(inputs + row->count); /* results are copied over texts that are no longer needed */
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
