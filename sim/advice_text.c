/* Advice in words. */
#include <inttypes.h>
#include <string.h>

#include "explain.h"

static const char *bytes_text(uint64_t bytes, char *text, size_t size)
{
    if (bytes % 1024 == 0 && bytes != 0) {
        snprintf(text, size, "%" PRIu64 "K", bytes / 1024);
    } else {
        snprintf(text, size, "%" PRIu64, bytes);
    }
    return text;
}

static const char *outcome_text(const hs_result *r, char *text, size_t size)
{
    switch (r->verdict) {
    case HS_FAILED:
        snprintf(text, size, "%s, %s wants %" PRIu32 " at event %" PRIu64,
                 hs_failure_class_name(r->failure.failure_class), r->owner, r->failure.size,
                 r->failure.event);
        break;
    case HS_PASSED:
        snprintf(text, size, "passes");
        break;
    default:
        snprintf(text, size, "%.256s", r->why.text);
        break;
    }
    return text;
}

static void parameter_sentence(const hs_advice *a, char *text, size_t size)
{
    char value[32];
    char other[32];
    char now[32];
    char outcome[320];
    bytes_text(a->now, now, sizeof now);
    if (!a->applies) {
        snprintf(text, size, "%s: could not be tried: %s", a->name, a->result.why.text);
        return;
    }
    if (!a->helps) {
        snprintf(text, size, "%s from %s to %s in steps of %" PRIu64 "K, now %s: none passes",
                 a->name, bytes_text(a->low, value, sizeof value),
                 bytes_text(a->high, other, sizeof other), a->step / 1024, now);
        return;
    }
    int n = snprintf(text, size,
                     "%s: %s, now %s: %s of those tried that passes; Python gets %" PRIu32 " bytes",
                     a->name, bytes_text(a->value, value, sizeof value), now,
                     a->downwards ? "the largest" : "the smallest", a->result.python);
    if (a->has_next && n > 0 && (size_t)n < size) {
        snprintf(text + n, size - (size_t)n, "; %s fails (%s)",
                 bytes_text(a->next, other, sizeof other),
                 outcome_text(&a->next_result, outcome, sizeof outcome));
    }
}

static void region_sentence(const hs_advice *a, char *text, size_t size)
{
    char other[32];
    if (!a->applies) {
        snprintf(text, size, "more memory in the region at 0x%08" PRIx32 ": could not be tried: %s",
                 a->start, a->result.why.text);
    } else if (!a->helps) {
        snprintf(text, size, "more memory in the region at 0x%08" PRIx32 " (%s): not even %s bytes",
                 a->start, a->name, bytes_text(a->high, other, sizeof other));
    } else {
        snprintf(text, size,
                 "%" PRIu64 " bytes more in the region at 0x%08" PRIx32 " (%s); %" PRIu64
                 " more are too few",
                 a->value, a->start, a->name, a->next);
    }
}

static void order_sentence(const hs_advice *a, char *text, size_t size)
{
    if (!a->applies) {
        snprintf(text, size,
                 "another order: none can be tried, allocations live across the phases");
    } else if (!a->helps) {
        snprintf(text, size, "another order: none of %" PRIu64 " moves of a phase", a->value);
    } else {
        snprintf(text, size,
                 "another order: %s; no allocation lives across them, but whether the program can "
                 "do so the trace does not say",
                 a->text);
    }
}

static void policy_sentence(const hs_advice *a, char *text, size_t size)
{
    char outcome[320];
    snprintf(text, size, "policy %s: %s", a->text,
             outcome_text(&a->result, outcome, sizeof outcome));
}

void hs_advice_sentence(const hs_advice *advice, char *text, size_t size)
{
    static void (*const sentences[])(const hs_advice *, char *, size_t) = {
        [HS_ADVICE_PARAMETER] = parameter_sentence,
        [HS_ADVICE_ORDER] = order_sentence,
        [HS_ADVICE_REGION] = region_sentence,
        [HS_ADVICE_POLICY] = policy_sentence,
    };
    sentences[advice->kind](advice, text, size);
}
