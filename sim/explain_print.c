/* The explanation for a person. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "trace_form.h"

#define PINS_SHOWN   6u /* of one region */
#define PHASES_SHOWN 6u
#define ORDERS_SHOWN 3u

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* --- what happened --- */

static void print_failure(FILE *out, const hs_run *run)
{
    const hs_failure *f = &run->failure;
    fprintf(out, "FAILED  %s wanted %" PRIu32 " bytes of the %s heap ",
            hs_run_owner_name(run, f->owner), f->size, f->heap == HS_HEAP_GC ? "GC" : "IDF");
    if (f->event == 0) {
        fputs("at the start of the policy\n", out);
        return;
    }
    fprintf(out, "at event %" PRIu64 ", %s", f->event, run->traces[f->trace].name);
    if (f->line != 0) {
        fprintf(out, ":%" PRIu64, f->line);
    }
    fprintf(out, "%s%s\n", f->phase != 0 ? ", phase " : "", run->phases[f->phase]);
}

static void print_idf_evidence(FILE *out, const hs_failure *f)
{
    char caps[HS_CAPS_TEXT];
    hs_trace_print_caps(f->caps, caps);
    switch (f->failure_class) {
    case HS_CLASS_FRAGMENTED:
        fprintf(out,
                "%" PRIu32 " bytes are needed in one piece; %" PRIu32
                " are free, but the largest piece has %" PRIu32,
                f->need, f->free, f->largest_exact);
        break;
    case HS_CLASS_ROUNDED:
        fprintf(out,
                "%" PRIu32 " bytes are needed and a free block of %" PRIu32
                " is there, but the allocator searches from the next class of sizes on and does "
                "not look at it",
                f->need, f->largest_exact);
        break;
    case HS_CLASS_STARVED:
        fprintf(out,
                "%" PRIu32 " bytes are needed and %" PRIu32 " are free, while %" PRIu32
                " lie unused in Python's heap, out of the IDF heap's reach",
                f->need, f->free, f->gc_free);
        break;
    case HS_CLASS_CAPS:
        fprintf(out,
                "%" PRIu32 " bytes are needed in memory with %s, where %" PRIu32
                " are free; a block of %" PRIu32 " is free in memory without",
                f->need, caps, f->free, f->other_largest);
        break;
    default:
        fprintf(out, "%" PRIu32 " bytes are needed and %" PRIu32 " are free, %" PRIu32 " too few",
                f->need, f->free, f->need - f->free);
        break;
    }
}

static void print_gc_evidence(FILE *out, const hs_failure *f)
{
    fprintf(out,
            "%" PRIu32 " bytes are needed in one piece; in Python's heap %" PRIu32
            " are free, the longest run %" PRIu32,
            f->need, f->free, f->largest_exact);
    if (f->failure_class == HS_CLASS_INNER) {
        fputs("; the IDF heap has room for another area, but the policy takes none", out);
    }
}

static void print_evidence(FILE *out, const hs_failure *f)
{
    fprintf(out, "%s: ", hs_failure_class_name(f->failure_class));
    if (f->heap == HS_HEAP_GC) {
        print_gc_evidence(out, f);
    } else {
        print_idf_evidence(out, f);
    }
    fputs(".\n", out);
}

/* --- who holds it --- */

static void print_phases(FILE *out, const hs_run *run, const hs_holding *h)
{
    unsigned shown = 0;
    unsigned more = 0;
    for (size_t i = 0; i < run->phase_count; i++) {
        if (!h->phases[i]) {
            continue;
        }
        if (shown == PHASES_SHOWN) {
            more++;
            continue;
        }
        fprintf(out, "%s%s", shown++ != 0 ? ", " : "  from ",
                i == 0 ? "before the first phase" : run->phases[i]);
    }
    if (more != 0) {
        fprintf(out, " and %u more", more);
    }
}

static void print_store(FILE *out, const hs_run *run, const hs_store *store)
{
    fprintf(out,
            "  0x%08" PRIx32 " %s of %" PRIu32 " bytes: %" PRIu64 " free in %" PRIu64
            " block%s, the largest %" PRIu32 "\n",
            store->start, store->type, store->size, store->free, store->free_blocks,
            plural(store->free_blocks), store->largest);
    for (size_t i = 0; i < store->count; i++) {
        const hs_holding *h = &store->holdings[i];
        fprintf(out, "    %8" PRIu64 " bytes in %" PRIu64 " block%s  %s", h->bytes, h->blocks,
                plural(h->blocks), h->name);
        print_phases(out, run, h);
        fputc('\n', out);
    }
}

static void print_stores(FILE *out, const hs_explanation *e)
{
    const hs_failure *f = &e->run->failure;
    char caps[HS_CAPS_TEXT];
    hs_trace_print_caps(f->caps, caps);
    if (e->pins.count == 0) {
        fprintf(out, "\nNo region of this board has the capabilities %s.\n", caps);
        return;
    }
    if (f->heap == HS_HEAP_GC) {
        fputs("\nWho holds Python's heap:\n", out);
    } else {
        fprintf(out, "\nWho holds the regions that could have served it (%s):\n", caps);
    }
    size_t others = 0;
    for (size_t i = 0; i < e->stores.count; i++) {
        if (e->stores.items[i].serves) {
            print_store(out, e->run, &e->stores.items[i]);
        } else {
            others++;
        }
    }
    if (others != 0 && f->heap == HS_HEAP_IDF) {
        fprintf(out, "  and %zu region%s without the capability\n", others, plural(others));
    }
}

/* --- pins --- */

static void print_pin(FILE *out, const hs_run *run, const hs_pin *pin)
{
    fprintf(out, "    %8" PRIu32 " bytes at 0x%08" PRIx32 "  %s", pin->size, pin->start,
            hs_pin_name(run, pin));
    if (pin->kind == HS_PIN_OWNER) {
        fprintf(out, "%s%s, from event %" PRIu64 ", %" PRIu64 " event%s ago",
                pin->phase != 0 ? ", phase " : "", run->phases[pin->phase], pin->born, pin->age,
                plural(pin->age));
    }
    fputc('\n', out);
}

static void print_pin_set(FILE *out, const hs_run *run, const hs_pin_set *set)
{
    fprintf(out, "  0x%08" PRIx32 " %s: ", set->start, set->type);
    if (!set->possible) {
        fprintf(out, "even empty it would not have %" PRIu32 " bytes in one piece\n", set->wanted);
        return;
    }
    fprintf(out, "%" PRIu32 " bytes in one piece, were it not for %" PRIu64 " in %zu block%s%s\n",
            set->room, set->bytes, set->count, plural(set->count),
            set->verified ? "" : " (which a replay without them did not confirm)");
    for (size_t i = 0; i < set->count && i < PINS_SHOWN; i++) {
        print_pin(out, run, &set->pins[i]);
    }
    if (set->count > PINS_SHOWN) {
        fprintf(out, "             and %zu more\n", set->count - PINS_SHOWN);
    }
}

static void print_pins(FILE *out, const hs_run *run, const hs_pin_sets *pins)
{
    fputs("The pins: the cheapest live blocks whose absence would have made room:\n", out);
    for (size_t i = 0; i < pins->count; i++) {
        print_pin_set(out, run, &pins->items[i]);
    }
}

/* --- advice --- */

static void print_sentence(FILE *out, const hs_advice *advice)
{
    char text[1200];
    hs_advice_sentence(advice, text, sizeof text);
    fprintf(out, "  %s\n", text);
}

static void print_advices(FILE *out, const hs_advices *advices, bool helps)
{
    for (size_t i = 0; i < advices->count; i++) {
        const hs_advice *a = &advices->items[i];
        if (a->helps == helps && (a->kind == HS_ADVICE_PARAMETER || a->kind == HS_ADVICE_REGION)) {
            print_sentence(out, a);
        }
    }
}

static void print_orders(FILE *out, const hs_advices *advices, bool helps)
{
    size_t orders = 0;
    for (size_t i = 0; i < advices->count; i++) {
        const hs_advice *a = &advices->items[i];
        if (a->helps == helps && a->kind == HS_ADVICE_ORDER && orders++ < ORDERS_SHOWN) {
            print_sentence(out, a);
        }
    }
    if (orders > ORDERS_SHOWN) {
        fprintf(out, "  and %zu more such moves\n", orders - ORDERS_SHOWN);
    }
}

static void print_policies(FILE *out, const hs_advices *advices, bool helps)
{
    bool first = true;
    for (size_t i = 0; i < advices->count; i++) {
        const hs_advice *a = &advices->items[i];
        if (a->kind != HS_ADVICE_POLICY || a->helps != helps || !a->applies) {
            continue;
        }
        fprintf(out, "%s%s", first ? helps ? "  policies: " : "  policies that fail too: " : ", ",
                a->text);
        if (helps) {
            fprintf(out, " (%" PRIu32 " bytes for Python)", a->result.python);
        }
        first = false;
    }
    fputs(first ? "" : "\n", out);
}

static void print_advice(FILE *out, const hs_explanation *e)
{
    const hs_advices *list = &e->advices;
    size_t helping = 0;
    for (size_t i = 0; i < list->count; i++) {
        helping += list->items[i].helps ? 1 : 0;
    }
    if (helping != 0) {
        fprintf(out, "\nWhat lets it pass, of %" PRIu64 " things replayed:\n", list->replays);
        print_advices(out, list, true);
        print_policies(out, list, true);
        print_orders(out, list, true);
        fputs("\nWhat does not:\n", out);
    } else {
        fprintf(out, "\nNone of %" PRIu64 " things replayed lets it pass:\n", list->replays);
    }
    print_advices(out, list, false);
    print_policies(out, list, false);
    print_orders(out, list, false);
}

/* --- bounds --- */

static void print_scale(FILE *out, const hs_bounds *b)
{
    if (b->scale == 0) {
        fprintf(out,
                b->tried > 1000 ? "  under this policy it fails even with %" PRIu32 ".%" PRIu32
                                  " %% of the room in every region\n"
                                : "  more room in every region could not be tried on this board\n",
                b->tried / 10, b->tried % 10);
        return;
    }
    fprintf(out,
            "  under this policy it passes with %" PRIu32 ".%" PRIu32
            " %% of the room in every region, %" PRIu64 " bytes, and fails with %" PRIu32
            ".%" PRIu32 " %%\n",
            b->scale / 10, b->scale % 10, b->needed, (b->scale - 1) / 10, (b->scale - 1) % 10);
}

static void print_bounds(FILE *out, const hs_bounds *b)
{
    const hs_floor *f = &b->floor;
    fprintf(out,
            "\nBounds (bytes with headers):\n"
            "  the traces hold %" PRIu64 " at once (event %" PRIu64 "): IDF at most %" PRIu64
            ", Python at least %" PRIu64 "; largest request %" PRIu32 "\n"
            "  free when the application starts: %" PRIu64 ", the largest block %" PRIu32 "\n",
            f->both, f->both_event, f->idf, f->python, f->largest, b->room, b->largest_free);
    if (b->added != 0) {
        fprintf(out, "  added later or outside the heap: %" PRIu64 "\n", b->added);
    }
    fputs(b->possible ? "  so a policy that lets it pass is not ruled out\n"
                      : "  so no policy can let it pass in this order\n",
          out);
    print_scale(out, b);
    for (size_t i = 0; i < b->region_count; i++) {
        const hs_region_bound *r = &b->regions[i];
        if (r->known && r->room != 0) {
            fprintf(out,
                    "  0x%08" PRIx32 " %s: %" PRIu64 " of its %" PRIu64
                    " bytes of room could be taken by something else\n",
                    r->start, r->type, r->spare, r->room);
        }
    }
}

/* --- the whole --- */

static void print_head(FILE *out, const hs_explanation *e)
{
    const hs_case *c = e->c;
    fprintf(out, "%s (ESP-IDF %s), policy %s\n", c->layout->title, c->layout->idf, c->policy->name);
    for (size_t i = 0; i < c->tape_count; i++) {
        fprintf(out, "  %s: %zu events, %s\n", c->tapes[i].name, c->tapes[i].count,
                hs_origin_name(c->tapes[i].header.origin));
    }
    fputc('\n', out);
}

void hs_explain_print(FILE *out, const hs_explanation *e)
{
    print_head(out, e);
    if (e->run->crashed) {
        fprintf(out, "DEVICE CRASH at event %" PRIu64 ": %s\n", e->run->crash_event,
                hs_run_crash_reason(e->run));
    } else if (!e->run->failed) {
        fputs("completed  every allocation was served: nothing to explain\n", out);
    }
    if (e->run->failed) {
        print_failure(out, e->run);
        print_evidence(out, &e->run->failure);
        print_stores(out, e);
        if (e->pins.count != 0) {
            fputc('\n', out);
            print_pins(out, e->run, &e->pins);
        }
        print_advice(out, e);
    }
    print_bounds(out, &e->bounds);
}

int hs_explain_print_brief(FILE *out, const hs_run *run, const hs_failure *failure, hs_error *error)
{
    hs_pin_sets pins;
    if (hs_pins_find(&pins, run, failure, error) != 0) {
        return -1;
    }
    const hs_pin_set *best = NULL;
    for (size_t i = 0; i < pins.count; i++) {
        const hs_pin_set *set = &pins.items[i];
        best = set->possible && (best == NULL || set->bytes < best->bytes) ? set : best;
    }
    if (best != NULL) {
        fputs("\nCheapest pins:\n", out);
        print_pin_set(out, run, best);
    }
    fputs("\n`heapsim explain` with the same options finds what would let it pass.\n", out);
    hs_pins_release(&pins);
    return 0;
}
