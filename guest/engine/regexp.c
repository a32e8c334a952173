/*
 * Faster searches with regular expressions. QuickJS's matcher tries every position of the subject at a cost of some hundred
 * instructions each, which is slow for searching words in user agents and URLs. Here, a compiled expression records the set of
 * characters that a match can begin with, and the matcher only runs, anchored, at positions with these. An expression for a
 * single character does not need the matcher at all. In doubtful cases, QuickJS's search is used. The callers are in replace.c.
 *
 * Bytecode (libregexp-opcode.h) consists of a header, the loop over all positions, and the expression. We insert a gap behind
 * the loop, with a jump over it, the RegexpBegin and a second header. The bytecode from the second header on is the expression
 * without the loop, which matches only at the given position.
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
#define REGEXP_LOOP 11          /* bytes of the loop over all positions */
#define REGEXP_JUMP 5
#define REGEXP_STEPS_MAX 128    /* instructions that the analysis visits */
#define REGEXP_FIRST_MAX 64     /* largest useful set of ASCII characters; larger ones match nearly everywhere */

enum {
    BEGIN_ANYWHERE,
    BEGIN_WITH,     /* a match begins with a character of the set */
    BEGIN_AND_END,  /* a match is a character of the set, and so is every group */
    BEGIN_AT_START, /* a match begins at the start of the subject */
};

typedef struct RegexpSet {
    uint8_t ascii[16]; /* bit h of ascii[l] is the character h * 16 + l */
    uint8_t beyond;    /* whether the set has all characters beyond ASCII */
} RegexpSet;

typedef struct RegexpBegin {
    RegexpSet first, second; /* sets for the first and the second character of a match */
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

/* Ignore case: add both cases of each letter whose canonical form (lre_canonicalize) is in the set. */
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
    set->beyond |= unicode; /* two characters beyond ASCII fold to ASCII letters */
}

/* Add the characters that the instruction at `pc` matches. Returns its length, or 0 if it is not a character or a range. */
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
 * Add all characters with which a match of the code at `pc` can begin to `first` (supersets are safe), and those that can
 * follow to `second`. Returns false if the first character can be any or the match can be empty. If the second can be any,
 * `second` gets all.
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
            pc++; /* an assertion matches no character */
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

/* Whether the code at `pc` matches a single character, and all groups contain exactly it. */
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

/* Replaces lre_compile; the result has the gap where it is useful. */
uint8_t *regexp_compile(int *len, char *error, int error_size, const char *pattern, size_t pattern_len, int flags,
                        void *opaque)
{
    uint8_t *bytecode = lre_compile(len, error, error_size, pattern, pattern_len, flags, opaque);
    const int at = REGEXP_HEADER + REGEXP_LOOP;
    if (!bytecode || bytecode[REGEXP_HEADER] != REOP_split_goto_first || get_u32(bytecode + REGEXP_HEADER + 1) != 6 ||
        bytecode[REGEXP_HEADER + 5] != REOP_any || bytecode[REGEXP_HEADER + 6] != REOP_goto)
        return bytecode; /* with the flag `y` there is no loop */
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

/* The characters that a global expression for single characters matches; NULL for other expressions. */
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

/* A mask of the sixteen characters that are in the set. */
static inline v128_t regexp_have(const RegexpSet *set, v128_t chunk)
{
    const v128_t bits = wasm_i8x16_const(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
    v128_t rows = wasm_i8x16_swizzle(wasm_v128_load(set->ascii), wasm_v128_and(chunk, wasm_i8x16_splat(15)));
    v128_t found = wasm_v128_and(rows, wasm_i8x16_swizzle(bits, wasm_u8x16_shr(chunk, 4)));
    if (set->beyond)
        found = wasm_v128_or(found, wasm_i8x16_lt(chunk, wasm_i8x16_splat(0)));
    return wasm_i8x16_ne(found, wasm_i8x16_splat(0));
}

/* The first position in subject[index, len) where a match can begin, or `len`. */
static int regexp_next8(const RegexpBegin *begin, const uint8_t *subject, int index, int len)
{
    bool pairs = begin->kind == BEGIN_WITH;
    for (; index < len && (uintptr_t)(subject + index) + 17 <= (uintptr_t)heap.end; index += 16) {
        v128_t found = regexp_have(&begin->first, wasm_v128_load(subject + index));
        if (pairs && wasm_v128_any_true(found)) /* reading beyond the end is harmless */
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

/* Replaces lre_exec. */
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
