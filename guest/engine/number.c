/* Numbers to JSON text and back: fast paths for common, exact cases; the engine does the rest. */

static const double powers_of_ten[] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

#define NUMBER_DIGITS_EXACT 15 /* decimal digits that a double holds exactly (DBL_DIG) */

/* Append the decimal digits of `v`, at least `width` of them. */
static void number_digits(Bytes *out, uint64_t v, int width)
{
    char digits[20];
    int n = 0;
    do {
        digits[n++] = '0' + v % 10;
        v /= 10;
    } while (v);
    while (n < width)
        digits[n++] = '0';
    if (!bytes_room(out, n))
        return;
    while (n)
        out->data[out->len++] = digits[--n];
}

static void number_write_int(Bytes *out, int64_t v)
{
    if (v < 0) {
        bytes_put(out, '-');
        number_digits(out, -(uint64_t)v, 1);
    } else {
        number_digits(out, v, 1);
    }
}

/*
 * Append a finite double as JavaScript prints it. Two different decimals of at most 15 digits never
 * round to the same double, so if m / 10^k (one correctly rounded division) gives back the value for
 * an integer m of at most 15 digits, then m with k decimals IS the shortest representation.
 * Returns false when that does not apply.
 */
static bool number_write_short(Bytes *out, double value)
{
    double magnitude = fabs(value);
    if (magnitude >= 1e15 || magnitude < 1e-6)
        return false;
    for (int k = 0; k <= 6; k++) {
        double scaled = magnitude * powers_of_ten[k];
        if (scaled >= 1e15)
            return false;
        double m = nearbyint(scaled);
        if (m / powers_of_ten[k] != magnitude)
            continue;
        uint64_t digits = (uint64_t)m, unit = (uint64_t)powers_of_ten[k];
        if (value < 0)
            bytes_put(out, '-');
        number_digits(out, digits / unit, 1);
        if (k) {
            bytes_put(out, '.');
            number_digits(out, digits % unit, k);
        }
        return true;
    }
    return false;
}

static bool number_write(Bytes *out, double value)
{
    if (!isfinite(value)) {
        bytes_append(out, "null", 4);
        return true;
    }
    if (value == 0) { /* and -0 */
        bytes_put(out, '0');
        return true;
    }
    if (number_write_short(out, value))
        return true;
    JSValue text = js_dtoa2(ctx, value, 10, 0, JS_DTOA_FORMAT_FREE);
    if (JS_IsException(text))
        return false;
    JSString *s = JS_VALUE_GET_STRING(text);
    bytes_append(out, str8(s), s->len);
    JS_FreeValue(ctx, text);
    return true;
}

/* The value of a number token that scan_number has accepted. */
static JSValue number_parse(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *start = p;
    bool negative = *p == '-';
    uint64_t digits = 0;
    int count = 0, decimals = 0;

    p += negative;
    for (; p < end && *p >= '0' && *p <= '9'; p++, count++)
        digits = digits * 10 + (*p - '0');
    if (p < end && *p == '.') {
        for (p++; p < end && *p >= '0' && *p <= '9'; p++, count++, decimals++)
            digits = digits * 10 + (*p - '0');
    }
    if (p == end && count <= NUMBER_DIGITS_EXACT) {
        if (decimals == 0 && (digits || !negative)) {
            int64_t v = negative ? -(int64_t)digits : (int64_t)digits;
            return v >= INT32_MIN && v <= INT32_MAX ? js_int32(v) : js_float64((double)v);
        }
        /* both operands exact, one rounding: the correctly rounded value (Clinger 1990) */
        double v = (double)digits / powers_of_ten[decimals];
        return js_float64(negative ? -v : v);
    }
    char buffer[64], *copy = buffer;
    size_t len = end - start;
    if (len >= sizeof(buffer) && !(copy = js_malloc(ctx, len + 1)))
        return JS_EXCEPTION;
    memcpy(copy, start, len);
    copy[len] = 0;
    double v = strtod(copy, NULL); /* like the engine's own JSON.parse */
    if (copy != buffer)
        js_free(ctx, copy);
    return js_float64(v);
}
