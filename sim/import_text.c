/* The text form of the statements that an import makes, to a FILE. */
#include "import_trace.h"

#include <inttypes.h>

#include "device/region.h"

static const struct {
    uint32_t bit;
    const char *name;
} caps_names[] = {
    {HS_CAP_EXEC, "exec"},
    {HS_CAP_32BIT, "32bit"},
    {HS_CAP_8BIT, "8bit"},
    {HS_CAP_DMA, "dma"},
    {HS_CAP_SPIRAM, "spiram"},
    {HS_CAP_INTERNAL, "internal"},
    {HS_CAP_DEFAULT, "default"},
    {HS_CAP_IRAM_8BIT, "iram_8bit"},
    {HS_CAP_RETENTION, "retention"},
    {HS_CAP_RTCRAM, "rtcram"},
    {HS_CAP_TCM, "tcm"},
    {HS_CAP_DMA_DESC_AHB, "dma_desc_ahb"},
    {HS_CAP_DMA_DESC_AXI, "dma_desc_axi"},
    {HS_CAP_CACHE_ALIGNED, "cache_aligned"},
    {HS_CAP_SIMD, "simd"},
};

static void put_caps(FILE *out, uint32_t caps)
{
    const char *before = " caps=";
    for (size_t i = 0; i < sizeof caps_names / sizeof caps_names[0]; i++) {
        if ((caps & caps_names[i].bit) != 0) {
            fprintf(out, "%s%s", before, caps_names[i].name);
            before = ",";
        }
    }
}

static int put_header(FILE *out, const hs_trace_header *header, hs_error *error)
{
    fprintf(out, "heapsim-trace 1\ntitle %s\norigin captured\n", header->title);
    for (size_t i = 0; i < header->source_count; i++) {
        fprintf(out, "source %s\n", header->sources[i]);
    }
    fprintf(out, "complete %s\n", header->complete == HS_COMPLETE_YES ? "yes" : "no");
    for (size_t i = 0; i < header->owner_count; i++) {
        const hs_trace_owner *owner = &header->owners[i];
        fprintf(out, "owner %s %s", owner->name, owner->heap == HS_HEAP_GC ? "gc" : "idf");
        if (owner->heap == HS_HEAP_IDF && owner->caps != HS_CAP_DEFAULT) {
            put_caps(out, owner->caps);
        }
        fputc('\n', out);
    }
    if (ferror(out)) {
        hs_error_set(error, NULL, 0, "the trace could not be written");
        return -1;
    }
    fputc('\n', out);
    return 0;
}

static void put_attributes(FILE *out, const hs_event *event)
{
    if ((event->flags & HS_EVENT_CAPS) != 0) {
        put_caps(out, event->caps);
    }
    if ((event->flags & HS_EVENT_NOMOVE) != 0) {
        fputs(" nomove", out);
    }
    if ((event->flags & HS_EVENT_HAS_ADDR) != 0) {
        fprintf(out, " @0x%08" PRIx32, event->addr);
    }
    if ((event->flags & HS_EVENT_FAILED) != 0) {
        fputs(" failed", out);
    }
    if ((event->flags & HS_EVENT_FINALISER) != 0) {
        fputs(" finaliser", out);
    }
    fputc('\n', out);
}

static void put_event(FILE *out, const hs_event *event, const char *owner)
{
    static const char *const words[HS_OP_COUNT] = {
        [HS_OP_ALLOC] = "alloc",         [HS_OP_ALIGNED] = "aligned", [HS_OP_REALLOC] = "realloc",
        [HS_OP_FREE] = "free",           [HS_OP_DROP] = "drop",       [HS_OP_COLLECT] = "collect",
        [HS_OP_AREA] = "area",           [HS_OP_GROWN] = "grown",     [HS_OP_PHASE] = "phase",
        [HS_OP_COLLECTED] = "collected", [HS_OP_MARK] = "mark",       [HS_OP_TIME] = "time",
    };
    fputs(words[event->op], out);
    switch (event->op) {
    case HS_OP_ALLOC:
        fprintf(out, " %" PRIu32 " %" PRIu32 " %s", event->slot, event->size, owner);
        break;
    case HS_OP_ALIGNED:
        fprintf(out, " %" PRIu32 " %" PRIu32 " %" PRIu32 " %s", event->slot, event->count,
                event->size, owner);
        break;
    case HS_OP_REALLOC:
        fprintf(out, " %" PRIu32 " %" PRIu32, event->slot, event->size);
        break;
    case HS_OP_FREE:
    case HS_OP_DROP:
        fprintf(out, " %" PRIu32, event->slot);
        break;
    case HS_OP_AREA:
    case HS_OP_GROWN:
        fprintf(out, " 0x%08" PRIx32 " %" PRIu32, event->addr, event->size);
        break;
    case HS_OP_COLLECTED:
    case HS_OP_TIME:
        fprintf(out, " %" PRId64, event->value);
        break;
    case HS_OP_PHASE:
    case HS_OP_MARK:
        fprintf(out, " %s", event->name);
        break;
    default:
        break;
    }
    put_attributes(out, event);
}

int hs_import_text_header(void *context, const hs_trace_header *header, hs_error *error)
{
    hs_import_text *text = context;
    text->header = header;
    return put_header(text->out, header, error);
}

int hs_import_text_event(void *context, const hs_event *event, hs_error *error)
{
    hs_import_text *text = context;
    put_event(text->out, event, text->header->owners[event->owner].name);
    if (ferror(text->out)) {
        hs_error_set(error, NULL, 0, "the trace could not be written");
        return -1;
    }
    return 0;
}
