/* Importers: the first byte chooses the format, or that it is to be found out. */
#include <stdbool.h>

#include "fuzz.h"
#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    size_t count = 0;
    hs_error error = {.text = ""};
    if (size == 0) {
        return 0;
    }
    if (nowhere == NULL) {
        nowhere = fopen("/dev/null", "w");
    }
    while (hs_import_format_row(count) != NULL) {
        count++;
    }
    const hs_import_format *row = hs_import_format_row(data[0] % (count + 1));
    int result =
        hs_import_memory(row == NULL ? NULL : row->name, data + 1, size - 1, nowhere, &error);
    fuzz_require((result != 0) == (error.text[0] != 0), "an error without its message");
    return 0;
}
