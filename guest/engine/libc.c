/*
 * The system functions that libc needs, implemented in the guest so that the module does not import WASI. wasi-libc calls
 * WASI through these symbols; defining them removes the imports.
 */

#define WASI(name) __attribute__((used)) int32_t __imported_wasi_snapshot_preview1_##name

enum { WASI_OK = 0, WASI_EBADF = 8, WASI_ENOSYS = 52 };

static uint32_t touched; /* HG_TOUCHED_*: what code has used since the last reset */

WASI(clock_time_get)(int32_t id, int64_t precision, int32_t out)
{
    touched |= HG_TOUCHED_CLOCK;
    *(uint64_t *)(uintptr_t)out = id == 0 ? (uint64_t)(box.now_ms * 1e3) * 1000
                                          : (uint64_t)(box.monotonic_ms * 1e6);
    return WASI_OK;
}

/* QuickJS only prints before it aborts; the trap that follows is the report. */
WASI(fd_write)(int32_t fd, int32_t iovs, int32_t count, int32_t written)
{
    return WASI_EBADF;
}
WASI(fd_close)(int32_t fd) { return WASI_EBADF; }
int close(int fd) { return -1; } /* libc also calls this instead of fd_close */
WASI(fd_seek)(int32_t fd, int64_t offset, int32_t whence, int32_t out) { return WASI_EBADF; }
WASI(fd_read)(int32_t fd, int32_t iovs, int32_t count, int32_t read) { return WASI_EBADF; }
WASI(fd_fdstat_get)(int32_t fd, int32_t out) { return WASI_EBADF; }
WASI(fd_prestat_get)(int32_t fd, int32_t out) { return WASI_EBADF; }
WASI(fd_prestat_dir_name)(int32_t fd, int32_t path, int32_t len) { return WASI_EBADF; }
WASI(environ_get)(int32_t environ, int32_t buffer) { return WASI_ENOSYS; }
WASI(environ_sizes_get)(int32_t count, int32_t size)
{
    *(uint32_t *)(uintptr_t)count = *(uint32_t *)(uintptr_t)size = 0;
    return WASI_OK;
}
__attribute__((used, noreturn)) void __imported_wasi_snapshot_preview1_proc_exit(int32_t code)
{
    __builtin_trap();
}

/* These replace libc's allocator, which is not linked in. */
void *malloc(size_t size) { return heap_malloc(NULL, size); }
void free(void *p) { heap_free(NULL, p); }
void *calloc(size_t count, size_t size) { return heap_calloc(NULL, count, size); }
void *realloc(void *p, size_t size) { return heap_realloc(NULL, p, size); }
