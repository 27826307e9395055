/* The explanation with stable keys, integers only. Format: sim/README.md. */
#include <inttypes.h>
#include <stdlib.h>

#include "explain.h"
#include "json.h"
#include "report.h"

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *phases_json(const hs_run *run, const hs_holding *h)
{
    json_t *list = json_array();
    for (size_t i = 0; i < run->phase_count; i++) {
        if (h->phases[i]) {
            json_array_append_new(list, hs_json_text(run->phases[i]));
        }
    }
    return list;
}

static json_t *stores_json(const hs_explanation *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < e->stores.count; i++) {
        const hs_store *p = &e->stores.items[i];
        json_t *holders = json_array();
        for (size_t k = 0; k < p->count; k++) {
            const hs_holding *h = &p->holdings[k];
            json_array_append_new(
                holders, json_pack("{s:o, s:I, s:I, s:o}", "owner", hs_json_text(h->name), "bytes",
                                   (json_int_t)h->bytes, "blocks", (json_int_t)h->blocks, "phases",
                                   phases_json(e->run, h)));
        }
        json_array_append_new(
            list, json_pack("{s:I, s:I, s:o, s:b, s:I, s:I, s:I, s:o}", "start",
                            (json_int_t)p->start, "size", (json_int_t)p->size, "type",
                            hs_json_text(p->type), "serves", p->serves, "free", (json_int_t)p->free,
                            "free_blocks", (json_int_t)p->free_blocks, "largest_free_block_exact",
                            (json_int_t)p->largest, "holders", holders));
    }
    return list;
}

static json_t *pin_json(const hs_run *run, const hs_pin *pin)
{
    json_t *json = json_pack("{s:I, s:I, s:o}", "start", (json_int_t)pin->start, "size",
                             (json_int_t)pin->size, "owner", hs_json_text(hs_pin_name(run, pin)));
    if (pin->kind == HS_PIN_OWNER) {
        json_object_set_new(json, "phase", hs_json_text(run->phases[pin->phase]));
        json_object_set_new(json, "event", integer(pin->born));
        json_object_set_new(json, "age", integer(pin->age));
    }
    return json;
}

static json_t *pins_json(const hs_explanation *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < e->pins.count; i++) {
        const hs_pin_set *s = &e->pins.items[i];
        json_t *blocks = json_array();
        for (size_t k = 0; k < s->count; k++) {
            json_array_append_new(blocks, pin_json(e->run, &s->pins[k]));
        }
        json_array_append_new(
            list, json_pack("{s:I, s:I, s:o, s:I, s:b, s:b, s:I, s:I, s:o}", "start",
                            (json_int_t)s->start, "size", (json_int_t)s->size, "type",
                            hs_json_text(s->type), "wanted", (json_int_t)s->wanted, "possible",
                            s->possible, "verified", s->verified, "bytes", (json_int_t)s->bytes,
                            "room", (json_int_t)s->room, "blocks", blocks));
    }
    return list;
}

static json_t *result_json(const hs_result *r)
{
    static const char *const words[] = {[HS_PASSED] = "completed",
                                        [HS_FAILED] = "failed",
                                        [HS_CRASHED] = "crashed",
                                        [HS_REFUSED] = "refused"};
    json_t *json =
        json_pack("{s:s, s:I}", "outcome", words[r->verdict], "python", (json_int_t)r->python);
    if (r->verdict == HS_FAILED) {
        json_object_set_new(json, "class",
                            json_string(hs_failure_class_name(r->failure.failure_class)));
        json_object_set_new(json, "owner", hs_json_text(r->owner));
        json_object_set_new(json, "size", integer(r->failure.size));
        json_object_set_new(json, "event", integer(r->failure.event));
    }
    if (r->why.text[0] != 0) {
        json_object_set_new(json, "why", hs_json_text(r->why.text));
    }
    return json;
}

static json_t *advice_json(const hs_advice *a)
{
    static const char *const kinds[] = {[HS_ADVICE_PARAMETER] = "parameter",
                                        [HS_ADVICE_ORDER] = "order",
                                        [HS_ADVICE_REGION] = "region",
                                        [HS_ADVICE_POLICY] = "policy"};
    char text[1200];
    hs_advice_sentence(a, text, sizeof text);
    json_t *json =
        json_pack("{s:s, s:b, s:b, s:o, s:o}", "kind", kinds[a->kind], "helps", a->helps, "applies",
                  a->applies, "result", result_json(&a->result), "text", hs_json_text(text));
    if (a->kind == HS_ADVICE_PARAMETER) {
        json_object_set_new(json, "name", hs_json_text(a->name));
        json_object_set_new(json, "now", integer(a->now));
        json_object_set_new(
            json, "tried",
            json_pack("[I, I, I]", (json_int_t)a->low, (json_int_t)a->high, (json_int_t)a->step));
    } else if (a->kind == HS_ADVICE_REGION) {
        json_object_set_new(json, "start", integer(a->start));
        json_object_set_new(
            json, "tried",
            json_pack("[I, I, I]", (json_int_t)a->step, (json_int_t)a->high, (json_int_t)a->step));
    } else if (a->text != NULL) {
        json_object_set_new(json, "name", hs_json_text(a->text));
    }
    if (a->helps && (a->kind == HS_ADVICE_PARAMETER || a->kind == HS_ADVICE_REGION)) {
        json_object_set_new(json, "value", integer(a->value));
        if (a->has_next) {
            json_object_set_new(json, "next", integer(a->next));
            json_object_set_new(json, "next_result", result_json(&a->next_result));
        }
    }
    return json;
}

static json_t *advices_json(const hs_advices *advices)
{
    json_t *list = json_array();
    for (size_t i = 0; i < advices->count; i++) {
        json_array_append_new(list, advice_json(&advices->items[i]));
    }
    return list;
}

static json_t *floor_json(const hs_floor *f)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "both", (json_int_t)f->both,
                     "both_event", (json_int_t)f->both_event, "idf", (json_int_t)f->idf,
                     "idf_event", (json_int_t)f->idf_event, "python", (json_int_t)f->python,
                     "python_event", (json_int_t)f->python_event, "largest", (json_int_t)f->largest,
                     "largest_event", (json_int_t)f->largest_event);
}

static json_t *bounds_json(const hs_bounds *b)
{
    json_t *regions = json_array();
    for (size_t i = 0; i < b->region_count; i++) {
        const hs_region_bound *r = &b->regions[i];
        json_t *spare = r->known ? integer(r->spare) : json_null();
        json_array_append_new(regions,
                              json_pack("{s:I, s:I, s:o, s:I, s:o}", "start", (json_int_t)r->start,
                                        "size", (json_int_t)r->size, "type", hs_json_text(r->type),
                                        "room", (json_int_t)r->room, "spare", spare));
    }
    return json_pack("{s:o, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:o}", "floor",
                     floor_json(&b->floor), "room", (json_int_t)b->room, "added",
                     (json_int_t)b->added, "largest_free_block_exact", (json_int_t)b->largest_free,
                     "possible", b->possible, "scale", (json_int_t)b->scale, "scale_tried",
                     (json_int_t)b->tried, "needed", (json_int_t)b->needed, "regions", regions);
}

static json_t *traces_json(const hs_case *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->tape_count; i++) {
        json_array_append_new(list,
                              json_pack("{s:o, s:s, s:I}", "name", hs_json_text(c->tapes[i].name),
                                        "origin", hs_origin_name(c->tapes[i].header.origin),
                                        "events", (json_int_t)c->tapes[i].count));
    }
    return list;
}

json_t *hs_explain_json(const hs_explanation *e)
{
    const hs_run *run = e->run;
    json_t *json = json_object();
    bool failed = run->failed || run->crashed;
    json_object_set_new(json, "heapsim", integer(1));
    json_object_set_new(json, "layout", json_string(e->c->layout->name));
    json_object_set_new(json, "policy", json_string(e->c->policy->name));
    json_object_set_new(json, "idf", json_string(e->c->layout->idf));
    json_object_set_new(json, "traces", traces_json(e->c));
    json_object_set_new(json, "outcome", json_string(failed ? "failed" : "completed"));
    json_object_set_new(json, "failure",
                        run->failed ? hs_failure_json(run, &run->failure) : json_null());
    json_object_set_new(json, "crash", hs_crash_json(run));
    json_object_set_new(json, "places", stores_json(e));
    json_object_set_new(json, "pins", pins_json(e));
    json_object_set_new(json, "advice", advices_json(&e->advices));
    json_object_set_new(json, "replays", integer(e->c->replays));
    json_object_set_new(json, "bounds", bounds_json(&e->bounds));
    return json;
}
