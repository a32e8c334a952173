/*
 * Removes unnecessary initialisation checks of `let` and `const` (the temporal dead zone). QuickJS checks every access, and
 * has no short instructions for checked accesses (i++ is one instruction for `var` and four for `let`). This is a forward
 * data-flow analysis, run before a function's code is made final: where a variable is certainly initialised, the checked
 * access becomes an unchecked one. Nothing else in the code changes.
 *
 * The data are sets of variables that may be uninitialised. Entering a scope adds its variables; an assignment, or a check
 * that passed, removes one. Where paths meet, the sets are united, until a fixed point is reached.
 */

#define LOCALS_WORK_MAX (1 << 18) /* words of sets per function; functions that need more keep their checks */
#define LOCALS_ROUNDS_MAX 10      /* rounds to reach the fixed point, which bounds the nesting of loops */

static int engine_resolve_labels(JSContext *c, JSFunctionDef *s);

typedef struct Locals {
    uint8_t *code;
    int len, words, this_index;
    uint32_t *now;        /* variables that may be uninitialised here, a bit each */
    uint32_t *at;         /* likewise, at each label */
    uint8_t *reached;     /* labels that are reachable */
    int *last;            /* per variable, the last position that uninitialises it, or -1 */
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

/* Add to `into` the variables that code from `pos` on uninitialises: a handler may begin after any of that code. */
static void locals_lose(const Locals *l, uint32_t *into, int pos)
{
    for (int v = 0; v < l->words * 32; v++)
        if (l->last[v] >= pos)
            into[v >> 5] |= 1u << (v & 31);
}

/* A checked access at `pos`. If `final`, it becomes the unchecked instruction `plain` where that is safe. */
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
    case OP_catch: /* the handler may begin after any instruction of the block, which follows here */
        memcpy(spare, l->now, l->words * sizeof(*spare));
        locals_lose(l, spare, pos);
        locals_join(l, get_u32(l->code + pos + 1), spare);
        break;
    case OP_gosub: /* a `finally` block, which returns here */
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

/* One pass over the code, from beginning to end. */
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

/* Note where variables become uninitialised. False if the code has no checked access. */
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
