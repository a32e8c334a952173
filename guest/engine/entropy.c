/* Random bytes: ChaCha20 (RFC 8439), keyed with the seed that the host passes to every invocation. */

static struct {
    uint32_t state[16];
    uint8_t block[64];
    int used; /* bytes of `block` that are used up, of 64 */
} entropy;

static inline uint32_t entropy_rotate(uint32_t v, int n) { return v << n | v >> (32 - n); }

#define ENTROPY_QUARTER(a, b, c, d)                                       \
    a += b, d = entropy_rotate(d ^ a, 16), c += d, b = entropy_rotate(b ^ c, 12), \
    a += b, d = entropy_rotate(d ^ a, 8), c += d, b = entropy_rotate(b ^ c, 7)

static void entropy_next(void)
{
    uint32_t x[16];
    memcpy(x, entropy.state, sizeof(x));
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 4; i++)
            ENTROPY_QUARTER(x[i], x[4 + i], x[8 + i], x[12 + i]);
        for (int i = 0; i < 4; i++)
            ENTROPY_QUARTER(x[i], x[4 + (i + 1) % 4], x[8 + (i + 2) % 4], x[12 + (i + 3) % 4]);
    }
    for (int i = 0; i < 16; i++)
        x[i] += entropy.state[i];
    memcpy(entropy.block, x, sizeof(x));
    entropy.state[12]++;
    entropy.used = 0;
}

static void entropy_seed(void)
{
    static const uint32_t constants[4] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
    memcpy(entropy.state, constants, 16);
    memcpy(entropy.state + 4, box.seed, 32);
    memset(entropy.state + 12, 0, 16);
    entropy.used = 64;
    ctx->random_state = box.seed[0] ^ box.seed[2] ? box.seed[0] ^ box.seed[2] : 1; /* Math.random */
}

static void entropy_fill(uint8_t *p, size_t n)
{
    touched |= HG_TOUCHED_ENTROPY;
    while (n--) {
        if (entropy.used == 64)
            entropy_next();
        *p++ = entropy.block[entropy.used++];
    }
}
