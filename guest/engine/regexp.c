/*
 * Regular expressions that start with something definite are tried only where that stands. QuickJS's matcher
 * tries every position of the subject, some hundred instructions each; user agents and URLs are searched for
 * words all day. The set of characters a match can begin with is read off the bytecode (libregexp-opcode.h);
 * the matcher itself then runs anchored at each candidate. When in doubt the matcher searches by itself.
 */

enum {
#define DEF(id, size) REOP_##id,
#include "libregexp-opcode.h"
#undef DEF
    REOP_COUNT
};

#define REGEXP_HEADER 8      /* RE_HEADER_LEN: flags, captures, registers, length */
#define REGEXP_SEARCH 11     /* bytes of the loop over all positions that begins a search */
#define REGEXP_SUBJECT_MIN 16 /* characters; shorter subjects are not worth the look */
#define REGEXP_STEPS_MAX 64  /* instructions looked at */

int lre_exec(uint8_t **capture, const uint8_t *bc_buf, const uint8_t *cbuf, int cindex, int clen, int cbuf_type,
             void *opaque);

typedef struct FirstSet {
    uint32_t bits[8]; /* of 8-bit characters */
    int steps;
} FirstSet;

static inline void regexp_add(FirstSet *set, uint32_t c)
{
    if (c < 256)
        set->bits[c >> 5] |= 1u << (c & 31);
}

/* Adds every character a match of the code at `pc` may begin with (more do no harm). False: anything may. */
static bool regexp_first(const uint8_t *pc, FirstSet *set)
{
    while (set->steps++ < REGEXP_STEPS_MAX) {
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
            pc++; /* takes no character, only refuses some places */
            break;
        case REOP_goto:
            pc += 5 + (int32_t)get_u32(pc + 1);
            break;
        case REOP_split_goto_first:
        case REOP_split_next_first:
            if (!regexp_first(pc + 5 + (int32_t)get_u32(pc + 1), set))
                return false;
            pc += 5;
            break;
        case REOP_char:
            regexp_add(set, get_u16(pc + 1));
            return true;
        case REOP_char_i: {
            uint32_t c = get_u16(pc + 1);
            if (c >= 128) /* case folding beyond ASCII: not ours to know */
                return false;
            regexp_add(set, c);
            if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
                regexp_add(set, c ^ 0x20);
            return true;
        }
        case REOP_range: {
            uint32_t count = get_u16(pc + 1), wide = 0;
            for (uint32_t i = 0; i < count; i++) {
                uint32_t low = get_u16(pc + 3 + 4 * i), high = get_u16(pc + 5 + 4 * i);
                if ((wide += min_uint32(high, 255) - min_uint32(low, 255)) > 64)
                    return false; /* would be found nearly everywhere */
                for (uint32_t c = low; c <= high && c < 256; c++)
                    regexp_add(set, c);
            }
            return true;
        }
        default:
            return false;
        }
    }
    return false;
}

/* In place of lre_exec: same arguments, same results. */
int regexp_exec(uint8_t **capture, const uint8_t *bytecode, const uint8_t *subject, int index, int len, int shift,
                void *opaque)
{
    const uint8_t *code = bytecode + REGEXP_HEADER;
    FirstSet set = { 0 };

    if (shift || len - index < REGEXP_SUBJECT_MIN || code[0] != REOP_split_goto_first || get_u32(code + 1) != 6 ||
        code[5] != REOP_any || code[6] != REOP_goto || !regexp_first(code + REGEXP_SEARCH, &set))
        return lre_exec(capture, bytecode, subject, index, len, shift, opaque);
    /* The search begins with "either match here, or go on"; as a plain jump it matches here or nowhere. Nothing
     * else sees the bytecode meanwhile: the matcher calls no user code. */
    uint8_t *entry = (uint8_t *)(uintptr_t)code;
    int found = 0;
    entry[0] = REOP_goto;
    for (; index < len && !found; index++)
        if (set.bits[subject[index] >> 5] >> (subject[index] & 31) & 1)
            found = lre_exec(capture, bytecode, subject, index, len, shift, opaque);
    entry[0] = REOP_split_goto_first;
    return found;
}
