/*
 * Regular expressions. QuickJS's matcher tries every position of the subject, some hundred instructions each; user agents
 * and URLs are searched for words all day. Here a compiled expression knows what a match can begin with, and the matcher
 * runs anchored at each such place; an expression that is one character is found without it. When in doubt the matcher
 * searches by itself. What calls it is in replace.c.
 *
 * Bytecode (libregexp-opcode.h) begins with a header, then the loop over all positions, then the expression. We open a gap
 * behind the loop: a jump over it, what a match begins with, and a second header. Bytecode "from the second header on" is the expression
 * without its loop, which matches where it is told to begin or nowhere.
 */

enum {
#define DEF(id, size) REOP_##id,
#include "libregexp-opcode.h"
#undef DEF
    REOP_COUNT
};

#define REGEXP_HEADER 8         /* RE_HEADER_LEN: flags, captures, registers, length */
#define REGEXP_CAPTURES 2       /* RE_HEADER_CAPTURE_COUNT */
#define REGEXP_LENGTH 4         /* RE_HEADER_BYTECODE_LEN */
#define REGEXP_LOOP 11          /* bytes of the loop over all positions that begins a search */
#define REGEXP_JUMP 5
#define REGEXP_STEPS_MAX 128    /* instructions looked at */
#define REGEXP_FIRST_MAX 64     /* ASCII characters; of more, one stands nearly everywhere */

enum {
    BEGIN_ANYWHERE,
    BEGIN_WITH,     /* a match begins with a character of the set */
    BEGIN_AND_END,  /* a match is a character of the set, and every group is the match */
    BEGIN_AT_START, /* a match begins where the subject does */
};

typedef struct RegexpSet {
    uint8_t ascii[16]; /* bit h of ascii[l] is the character h * 16 + l */
    uint8_t beyond;    /* all other characters, too */
} RegexpSet;

typedef struct RegexpBegin {
    RegexpSet first, second; /* a match begins with one of each */
    uint8_t kind;
} RegexpBegin;

#define REGEXP_GAP (REGEXP_JUMP + (int)sizeof(RegexpBegin) + REGEXP_HEADER)

int lre_exec(uint8_t **capture, const uint8_t *bc_buf, const uint8_t *cbuf, int cindex, int clen, int cbuf_type,
             void *opaque);
uint8_t *lre_compile(int *plen, char *error_msg, int error_msg_size, const char *buf, size_t buf_len, int re_flags,
                     void *opaque);

static inline bool regexp_has(const RegexpSet *set, uint32_t c)
{
    return c < 128 ? set->ascii[c & 15] >> (c >> 4) & 1 : set->beyond;
}

static inline void regexp_add(RegexpSet *set, uint32_t c)
{
    if (c < 128)
        set->ascii[c & 15] |= 1u << (c >> 4);
    else
        set->beyond = true;
}

/* Letters of either case where the set has the one that stands for both (lre_canonicalize). */
static void regexp_fold(RegexpSet *set, bool unicode)
{
    for (uint32_t c = 'a'; c <= 'z'; c++) {
        uint32_t upper = c ^ 0x20;
        if (regexp_has(set, unicode ? c : upper)) {
            regexp_add(set, c);
            regexp_add(set, upper);
        } else {
            set->ascii[c & 15] &= ~(1u << (c >> 4));
            set->ascii[upper & 15] &= ~(1u << (upper >> 4));
        }
    }
    set->beyond |= unicode; /* two characters beyond ASCII stand for letters */
}

/* Adds the characters that the instruction at `pc` takes; returns its length, 0 if it is none that takes one of a few. */
static int regexp_add_op(RegexpSet *set, const uint8_t *pc, bool unicode)
{
    RegexpSet own = { 0 };
    int size = 3;
    switch (*pc) {
    case REOP_char:
    case REOP_char_i:
        regexp_add(&own, get_u16(pc + 1));
        break;
    case REOP_range:
    case REOP_range_i:
        for (uint32_t i = 0, count = get_u16(pc + 1); i < count; i++, size += 4) {
            uint32_t low = get_u16(pc + 3 + 4 * i), high = get_u16(pc + 5 + 4 * i);
            own.beyond |= high >= 128;
            for (uint32_t c = low; c <= high && c < 128; c++)
                regexp_add(&own, c);
        }
        break;
    default:
        return 0;
    }
    if (*pc == REOP_char_i || *pc == REOP_range_i)
        regexp_fold(&own, unicode);
    for (int i = 0; i < 16; i++)
        set->ascii[i] |= own.ascii[i];
    set->beyond |= own.beyond;
    return size;
}

/*
 * Adds every character that the code at `pc` may take first (more do no harm), and to `second` those that it may take then.
 * False: the first may be any, or none. Where the second may be, `second` has all.
 */
static bool regexp_first(RegexpSet *first, RegexpSet *second, const uint8_t *pc, bool unicode, int *steps)
{
    while (--*steps >= 0) {
        switch (*pc) {
        case REOP_save_start:
        case REOP_save_end:
            pc += 2;
            break;
        case REOP_save_reset:
            pc += 3;
            break;
        case REOP_word_boundary:
        case REOP_word_boundary_i:
        case REOP_not_word_boundary:
        case REOP_not_word_boundary_i:
        case REOP_line_start:
        case REOP_line_start_m:
            pc++; /* takes no character, only refuses some places */
            break;
        case REOP_goto:
            pc += 5 + (int32_t)get_u32(pc + 1);
            break;
        case REOP_split_goto_first:
        case REOP_split_next_first:
            if (!regexp_first(first, second, pc + 5 + (int32_t)get_u32(pc + 1), unicode, steps))
                return false;
            pc += 5;
            break;
        default: {
            int size = regexp_add_op(first, pc, unicode);
            if (size && second && !regexp_first(second, NULL, pc + size, unicode, steps))
                memset(second, 0xff, sizeof(*second));
            return size;
        }
        }
    }
    return false;
}

/* The code at `pc` is one character, and what groups there are begin and end with it. */
static bool regexp_is_single(const uint8_t *pc)
{
    while (*pc == REOP_save_start)
        pc += 2;
    pc += *pc == REOP_char || *pc == REOP_char_i ? 3 : 3 + 4 * get_u16(pc + 1);
    while (*pc == REOP_save_end)
        pc += 2;
    return *pc == REOP_match;
}

static RegexpBegin regexp_look(const uint8_t *code, bool unicode)
{
    RegexpBegin begin = { 0 };
    const uint8_t *pc = code;
    int steps = REGEXP_STEPS_MAX, size = 0;

    while (*pc == REOP_save_start)
        pc += 2;
    if (*pc == REOP_line_start) {
        begin.kind = BEGIN_AT_START;
        return begin;
    }
    if (!regexp_first(&begin.first, &begin.second, code, unicode, &steps))
        return begin;
    for (int i = 0; i < 16; i++)
        size += __builtin_popcount(begin.first.ascii[i]);
    if (*pc == REOP_char || *pc == REOP_char_i || *pc == REOP_range || *pc == REOP_range_i)
        begin.kind = regexp_is_single(code) ? BEGIN_AND_END : BEGIN_ANYWHERE;
    if (begin.kind == BEGIN_ANYWHERE && size <= REGEXP_FIRST_MAX)
        begin.kind = BEGIN_WITH;
    return begin;
}

/* In place of lre_compile: same arguments; the same result, with a gap. */
uint8_t *regexp_compile(int *len, char *error, int error_size, const char *pattern, size_t pattern_len, int flags,
                        void *opaque)
{
    uint8_t *bytecode = lre_compile(len, error, error_size, pattern, pattern_len, flags, opaque);
    const int at = REGEXP_HEADER + REGEXP_LOOP;
    if (!bytecode || bytecode[REGEXP_HEADER] != REOP_split_goto_first || get_u32(bytecode + REGEXP_HEADER + 1) != 6 ||
        bytecode[REGEXP_HEADER + 5] != REOP_any || bytecode[REGEXP_HEADER + 6] != REOP_goto)
        return bytecode; /* of the flag `y`: there is no loop */
    RegexpBegin begin = regexp_look(bytecode + at, lre_get_flags(bytecode) & (LRE_FLAG_UNICODE | LRE_FLAG_UNICODE_SETS));
    if (begin.kind == BEGIN_ANYWHERE)
        return bytecode;
    uint8_t *grown = lre_realloc(opaque, bytecode, *len + REGEXP_GAP);
    if (!grown)
        return bytecode;
    uint32_t length = get_u32(grown + REGEXP_LENGTH);
    memmove(grown + at + REGEXP_GAP, grown + at, *len - at);
    grown[at] = REOP_goto;
    put_u32(grown + at + 1, REGEXP_GAP - REGEXP_JUMP);
    memcpy(grown + at + REGEXP_JUMP, &begin, sizeof(begin));
    memcpy(grown + at + REGEXP_GAP - REGEXP_HEADER, grown, REGEXP_HEADER);
    put_u32(grown + at + REGEXP_GAP - REGEXP_HEADER + REGEXP_LENGTH, length - REGEXP_LOOP);
    put_u32(grown + REGEXP_LENGTH, length + REGEXP_GAP);
    *len += REGEXP_GAP;
    return grown;
}

/* Of a global expression of which every match is one character: which ones; NULL of any other. */
static const RegexpSet *regexp_single(const uint8_t *bytecode)
{
    const uint8_t *gap = bytecode + REGEXP_HEADER + REGEXP_LOOP;
    int flags = lre_get_flags(bytecode);

    if (!(flags & LRE_FLAG_GLOBAL) || flags & (LRE_FLAG_UNICODE | LRE_FLAG_UNICODE_SETS) ||
        bytecode[REGEXP_HEADER] != REOP_split_goto_first || gap[0] != REOP_goto)
        return NULL;
    const RegexpBegin *begin = (const RegexpBegin *)(gap + REGEXP_JUMP);
    return begin->kind == BEGIN_AND_END ? &begin->first : NULL;
}

/* For each of sixteen characters, all bits set if the set has it. */
static inline v128_t regexp_have(const RegexpSet *set, v128_t chunk)
{
    const v128_t bits = wasm_i8x16_const(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
    v128_t rows = wasm_i8x16_swizzle(wasm_v128_load(set->ascii), wasm_v128_and(chunk, wasm_i8x16_splat(15)));
    v128_t found = wasm_v128_and(rows, wasm_i8x16_swizzle(bits, wasm_u8x16_shr(chunk, 4)));
    if (set->beyond)
        found = wasm_v128_or(found, wasm_i8x16_lt(chunk, wasm_i8x16_splat(0)));
    return wasm_i8x16_ne(found, wasm_i8x16_splat(0));
}

/* The first place in subject[index, len) where a match may begin, or `len`. */
static int regexp_next8(const RegexpBegin *begin, const uint8_t *subject, int index, int len)
{
    bool pairs = begin->kind == BEGIN_WITH;
    for (; index < len && (uintptr_t)(subject + index) + 17 <= (uintptr_t)heap.end; index += 16) {
        v128_t found = regexp_have(&begin->first, wasm_v128_load(subject + index));
        if (pairs && wasm_v128_any_true(found)) /* behind the end is something, which does no harm */
            found = wasm_v128_and(found, regexp_have(&begin->second, wasm_v128_load(subject + index + 1)));
        uint32_t mask = wasm_i8x16_bitmask(found);
        if (mask)
            return min_int(index + __builtin_ctz(mask), len);
    }
    while (index < len && !regexp_has(&begin->first, subject[index]))
        index++;
    return min_int(index, len);
}

static int regexp_next16(const RegexpBegin *begin, const uint16_t *subject, int index, int len)
{
    while (index < len && !regexp_has(&begin->first, subject[index]))
        index++;
    return index;
}

/* In place of lre_exec: same arguments, same results. */
int regexp_exec(uint8_t **capture, const uint8_t *bytecode, const uint8_t *subject, int index, int len, int shift,
                void *opaque)
{
    const uint8_t *gap = bytecode + REGEXP_HEADER + REGEXP_LOOP;

    if (bytecode[REGEXP_HEADER] != REOP_split_goto_first || gap[0] != REOP_goto ||
        (shift && lre_get_flags(bytecode) & (LRE_FLAG_UNICODE | LRE_FLAG_UNICODE_SETS)))
        return lre_exec(capture, bytecode, subject, index, len, shift, opaque);
    const RegexpBegin *begin = (const RegexpBegin *)(gap + REGEXP_JUMP);
    const uint8_t *anchored = gap + REGEXP_GAP - REGEXP_HEADER;
    if (begin->kind == BEGIN_AT_START)
        return index ? 0 : lre_exec(capture, anchored, subject, index, len, shift, opaque);
    for (;; index++) {
        index = shift ? regexp_next16(begin, (const uint16_t *)subject, index, len)
                      : regexp_next8(begin, subject, index, len);
        if (index >= len)
            return 0;
        const uint8_t *at = subject + (index << shift);
        if (begin->kind == BEGIN_AND_END && (shift ? *(const uint16_t *)at : *at) < 128) {
            for (int i = 0; i < 2 * bytecode[REGEXP_CAPTURES]; i += 2) {
                capture[i] = (uint8_t *)at;
                capture[i + 1] = (uint8_t *)at + (1 << shift);
            }
            return 1;
        }
        int found = lre_exec(capture, anchored, subject, index, len, shift, opaque);
        if (found)
            return found;
    }
}
