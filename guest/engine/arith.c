/*
 * Fast path of bit operations on numbers that are not int32, as in hash functions: half the results of h >>> 0 are doubles,
 * and QuickJS handles doubles on its slow path for objects and BigInt.
 */

static int engine_logic(JSContext *c, JSValue *sp, OPCodeEnum op);
static int engine_shr(JSContext *c, JSValue *sp);

/* Replaces js_binary_logic_slow. */
static no_inline int arith_logic(JSContext *c, JSValue *sp, int op)
{
    int32_t a, b;
    if (!call_int32(sp[-2], &a) || !call_int32(sp[-1], &b))
        return engine_logic(c, sp, op);
    switch (op) {
    case OP_and:
        a &= b;
        break;
    case OP_or:
        a |= b;
        break;
    case OP_xor:
        a ^= b;
        break;
    case OP_shl:
        a = (int32_t)((uint32_t)a << (b & 31));
        break;
    case OP_sar:
        a >>= b & 31;
        break;
    default:
        return engine_logic(c, sp, op);
    }
    sp[-2] = js_int32(a);
    return 0;
}

/* Replaces js_shr_slow. */
static no_inline int arith_shr(JSContext *c, JSValue *sp)
{
    int32_t a, b;
    if (!call_int32(sp[-2], &a) || !call_int32(sp[-1], &b))
        return engine_shr(c, sp);
    sp[-2] = js_uint32((uint32_t)a >> (b & 31));
    return 0;
}
