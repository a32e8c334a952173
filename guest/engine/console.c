/* Collects console lines, which the host reads at the end of an invocation (../ABI.md, "Log"). */

enum { LEVEL_DEBUG, LEVEL_LOG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR };

static Bytes log_lines;
static uint32_t log_count;

static void console_reset(void)
{
    log_lines.len = 0;
    log_lines.max = box.log_bytes_max;
    log_lines.failed = log_lines.full = false;
    log_count = 0;
    box.log_dropped = 0;
}

/* A record is [uint8 level][uint32 length][UTF-8 text]. A line that exceeds a limit is only counted. */
static void console_line(uint8_t level, const char *text, uint32_t len)
{
    if (log_count >= box.log_lines_max || log_lines.len + len + 5 > box.log_bytes_max ||
        !bytes_room(&log_lines, len + 5)) {
        box.log_dropped++;
        return;
    }
    log_count++;
    bytes_put(&log_lines, level);
    bytes_u32(&log_lines, len);
    bytes_append(&log_lines, text, len);
}

static uint8_t console_level(const char *name)
{
    static const char *const levels[] = { "debug", "log", "info", "warn", "error" };
    for (int i = 0; i < countof(levels); i++)
        if (!strcmp(name, levels[i]))
            return i;
    return LEVEL_LOG;
}

static JSValue console_log(JSContext *c, JSValueConst this_val, int argc, JSValueConst *argv)
{
    size_t len;
    const char *level = JS_ToCString(c, argv[0]);
    const char *text = level ? JS_ToCStringLen(c, &len, argv[1]) : NULL;
    if (text)
        console_line(console_level(level), text, len);
    JS_FreeCString(c, level);
    JS_FreeCString(c, text);
    return text ? JS_UNDEFINED : JS_EXCEPTION;
}
