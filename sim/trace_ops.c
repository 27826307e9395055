#include "trace_ops.h"

#include <string.h>

#define PLACED (HS_EVENT_HAS_ADDR | HS_EVENT_FAILED)
#define MADE   (PLACED | HS_EVENT_CAPS | HS_EVENT_TYPE | HS_EVENT_FINALISER)

const hs_op_form hs_ops[HS_OP_COUNT] = {
    [HS_OP_ALLOC] = {"alloc", 5, "szo", MADE},
    [HS_OP_CALLOC] = {"calloc", 6, "sczo", MADE},
    [HS_OP_ALIGNED] = {"aligned", 7, "sczo", MADE},
    [HS_OP_REALLOC] = {"realloc", 7, "sz", PLACED | HS_EVENT_NOMOVE},
    [HS_OP_FREE] = {"free", 4, "s", 0},
    [HS_OP_DROP] = {"drop", 4, "s", 0},
    [HS_OP_LINK] = {"link", 4, "scl", 0},
    [HS_OP_UNLINK] = {"unlink", 6, "sc", 0},
    [HS_OP_COLLECT] = {"collect", 7, "", 0},
    [HS_OP_THRESHOLD] = {"threshold", 9, "v", HS_EVENT_CAPTURE},
    [HS_OP_AREA] = {"area", 4, "az", 0},
    [HS_OP_SPLIT] = {"split", 5, "z", 0},
    [HS_OP_GROWN] = {"grown", 5, "az", 0},
    [HS_OP_COLLECTED] = {"collected", 9, "v", 0},
    [HS_OP_RELEASED] = {"released", 8, "a", 0},
    [HS_OP_REGION] = {"region", 6, "azn", 0},
    [HS_OP_PHASE] = {"phase", 5, "n", 0},
    [HS_OP_MARK] = {"mark", 4, "n", 0},
    [HS_OP_TIME] = {"time", 4, "v", 0},
};

const char *hs_op_name(enum hs_op op)
{
    return (unsigned)op < HS_OP_COUNT ? hs_ops[op].name : "unknown";
}

unsigned hs_attribute_flag(const char *word, size_t length)
{
    static const struct {
        const char *word;
        unsigned flag;
    } plain[] = {{"failed", HS_EVENT_FAILED},
                 {"nomove", HS_EVENT_NOMOVE},
                 {"finaliser", HS_EVENT_FINALISER},
                 {"capture", HS_EVENT_CAPTURE}};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (strlen(plain[i].word) == length && memcmp(plain[i].word, word, length) == 0) {
            return plain[i].flag;
        }
    }
    return 0;
}

const char *hs_attributes_expected(unsigned allowed)
{
    switch (allowed) {
    case MADE:
        return "caps=LIST, @ADDR, failed, type=X, finaliser or the end of the line";
    case PLACED | HS_EVENT_NOMOVE:
        return "nomove, @ADDR, failed or the end of the line";
    case HS_EVENT_CAPTURE:
        return "capture or the end of the line";
    default:
        return "the end of the line";
    }
}

const char *hs_field_expected(unsigned op, char kind)
{
    switch (kind) {
    case 's':
    case 'l':
        return "a slot, a number up to 4294967295";
    case 'z':
        return "a size in bytes, up to 4294967295";
    case 'c':
        return op == HS_OP_CALLOC    ? "a count of elements, up to 4294967295"
               : op == HS_OP_ALIGNED ? "an alignment in bytes, up to 4294967295"
                                     : "a word's number, up to 4294967295";
    default:
        return "an address of 32 bits";
    }
}

bool hs_is_header_word(const char *word)
{
    static const char *const words[] = {"heapsim-trace", "title",    "origin", "source",
                                        "device",        "complete", "owner"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], word) == 0) {
            return true;
        }
    }
    return false;
}
