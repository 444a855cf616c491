#include "output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

fmap_status output_json(json_t *root, fmap_error *error) {
    if (root == NULL) return fail_memory(error, "the output");
    /* A failed write shows when the command ends. Nine digits tell every float from its neighbours. */
    (void)json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(root);
    return FMAP_OK;
}

json_t *json_shape(const fmap_shape *shape) {
    json_t *list = json_array();
    for (int i = 0; i < shape->rank; i++) {
        json_array_append_new(list, shape->dims[i] < 0 ? json_null() : json_integer(shape->dims[i]));
    }
    return list;
}

json_t *json_name(const char *text) {
    if (text == NULL) text = "";
    json_t *name = json_string(text);
    if (name != NULL) return name;
    char *ascii = strdup(text);
    if (ascii == NULL) return NULL;
    for (char *c = ascii; *c != '\0'; c++) {
        if ((unsigned char)*c > 126) *c = '?';
    }
    name = json_string(ascii);
    free(ascii);
    return name;
}

json_t *json_real_or_null(double number) { return isfinite(number) ? json_real(number) : json_null(); }
