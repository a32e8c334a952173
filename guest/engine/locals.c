/*
 * `let` and `const` without their checks. Until its declaration is reached, such a variable may not be read; QuickJS asks
 * at every access whether it has been, and an access that asks takes no part in its shorter instructions (i++ is one for
 * `var`, four for `let`). Here, before a function's code is made final, every path to every access is followed: where the
 * variable surely has its value, the access no longer asks. Code is only ever changed from "get, checked" to "get".
 *
 * What is followed is the set of variables that may lack their value. Entering a scope adds its variables, an assignment
 * or a check that passed removes one; where paths meet, sets are united, until nothing changes any more.
 */

#define LOCALS_WORK_MAX (1 << 18) /* words of sets that a function may need; more are left as they are */
#define LOCALS_ROUNDS_MAX 10      /* as deep as loops within loops are followed */

static int engine_resolve_labels(JSContext *c, JSFunctionDef *s);

typedef struct Locals {
    uint8_t *code;
    int len, words, this_index;
    uint32_t *now;        /* may lack their value here; a bit a variable */
    uint32_t *at;         /* likewise, for each label */
    uint8_t *reached;     /* labels that a path leads to */
    int *last;            /* by variable: where it last loses its value; -1: nowhere */
    LabelSlot *labels;
    bool live, changed;
} Locals;

static void locals_join(Locals *l, uint32_t label, const uint32_t *from)
{
    uint32_t *into = l->at + label * l->words;
    for (int i = 0; i < l->words; i++) {
        l->changed |= (from[i] & ~into[i]) != 0;
        into[i] |= from[i];
    }
    l->changed |= !l->reached[label];
    l->reached[label] = true;
}

/* Adds to `into` what code from `pos` on takes the value from: a handler may begin after any of it. */
static void locals_lose(const Locals *l, uint32_t *into, int pos)
{
    for (int v = 0; v < l->words * 32; v++)
        if (l->last[v] >= pos)
            into[v >> 5] |= 1u << (v & 31);
}

/* An access to `index` at `pos`, which asks. Rewritten to `plain` where it need not, when `final`. */
static void locals_access(Locals *l, int pos, int plain, bool final)
{
    int index = get_u16(l->code + pos + 1);
    uint32_t bit = 1u << (index & 31), *word = &l->now[index >> 5];
    if (final && !(*word & bit) && index != l->this_index)
        l->code[pos] = plain;
    *word &= ~bit;
}

static void locals_step(Locals *l, int pos, int op, uint32_t *spare, bool final)
{
    switch (op) {
    case OP_set_loc_uninitialized:
        l->now[get_u16(l->code + pos + 1) >> 5] |= 1u << (get_u16(l->code + pos + 1) & 31);
        break;
    case OP_put_loc:
    case OP_set_loc:
    case OP_put_loc_check_init:
        l->now[get_u16(l->code + pos + 1) >> 5] &= ~(1u << (get_u16(l->code + pos + 1) & 31));
        break;
    case OP_get_loc_check:
        locals_access(l, pos, OP_get_loc, final);
        break;
    case OP_put_loc_check:
        locals_access(l, pos, OP_put_loc, final);
        break;
    case OP_catch: /* the handler begins with what was at any place of the block: all of that is behind here */
        memcpy(spare, l->now, l->words * sizeof(*spare));
        locals_lose(l, spare, pos);
        locals_join(l, get_u32(l->code + pos + 1), spare);
        break;
    case OP_gosub: /* of `finally`; comes back */
        locals_join(l, get_u32(l->code + pos + 1), l->now);
        locals_lose(l, l->now, l->labels[get_u32(l->code + pos + 1)].pos2 > pos ? pos : 0);
        break;
    case OP_goto:
    case OP_if_true:
    case OP_if_false:
        locals_join(l, get_u32(l->code + pos + 1), l->now);
        l->live = op != OP_goto;
        break;
    case OP_return:
    case OP_return_undef:
    case OP_return_async:
    case OP_throw:
    case OP_ret:
        l->live = false;
        break;
    default:
        if (opcode_info[op].fmt == OP_FMT_atom_label_u8 || opcode_info[op].fmt == OP_FMT_atom_label_u16)
            locals_join(l, get_u32(l->code + pos + 5), l->now);
        else if (opcode_info[op].fmt == OP_FMT_label || opcode_info[op].fmt == OP_FMT_label_u16)
            locals_join(l, get_u32(l->code + pos + 1), l->now);
    }
}

/* Follows the code once from its beginning to its end. */
static void locals_round(Locals *l, uint32_t *spare, bool final)
{
    memset(l->now, 0, l->words * sizeof(*l->now));
    l->live = true;
    l->changed = false;
    for (int pos = 0, op; pos < l->len; pos += opcode_info[op].size) {
        op = l->code[pos];
        if (op == OP_label) {
            uint32_t label = get_u32(l->code + pos + 1);
            if (l->live)
                locals_join(l, label, l->now);
            l->live = l->reached[label];
            memcpy(l->now, l->at + label * l->words, l->words * sizeof(*l->now));
        } else if (l->live) {
            locals_step(l, pos, op, spare, final);
        }
    }
}

/* Notes where variables lose their value. False: no access asks for one. */
static bool locals_survey(Locals *l)
{
    bool asks = false;
    for (int i = 0; i < l->words * 32; i++)
        l->last[i] = -1;
    for (int pos = 0, op; pos < l->len; pos += opcode_info[op].size) {
        op = l->code[pos];
        asks |= op == OP_get_loc_check || op == OP_put_loc_check;
        if (op == OP_set_loc_uninitialized)
            l->last[get_u16(l->code + pos + 1)] = pos;
    }
    return asks;
}

static void locals_settle(JSContext *c, JSFunctionDef *s)
{
    Locals l = { .code = s->byte_code.buf, .len = s->byte_code.size, .words = (s->var_count + 31) / 32,
                 .this_index = s->this_var_idx, .labels = s->label_slots };
    size_t sets = (size_t)l.words * (s->label_count + 2);
    if (!l.words || sets > LOCALS_WORK_MAX)
        return;
    uint32_t *room = js_mallocz_rt(c->rt, sets * sizeof(*room) + l.words * 32 * sizeof(*l.last) + s->label_count);
    if (!room)
        return; /* the checks stay */
    l.now = room;
    uint32_t *spare = room + l.words;
    l.at = spare + l.words;
    l.last = (int *)(room + sets);
    l.reached = (uint8_t *)(l.last + l.words * 32);
    if (locals_survey(&l)) {
        int rounds = 0;
        do
            locals_round(&l, spare, false);
        while (l.changed && ++rounds < LOCALS_ROUNDS_MAX);
        if (!l.changed)
            locals_round(&l, spare, true);
    }
    js_free_rt(c->rt, room);
}

static int locals_resolve_labels(JSContext *c, JSFunctionDef *s)
{
    locals_settle(c, s);
    return engine_resolve_labels(c, s);
}
