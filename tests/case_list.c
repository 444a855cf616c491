#include "tests/case_list.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grown(void *memory, size_t bytes) {
    memory = realloc(memory, bytes);
    if (!memory) abort();
    return memory;
}

static char *copy_of(const char *text, size_t bytes) {
    char *copy = grown(NULL, bytes + 1);
    memcpy(copy, text, bytes);
    copy[bytes] = 0;
    return copy;
}

static void add_line(struct case_list *list, const char *path, const char *line) {
    struct case_entry entry = {.refusal = *line == '"'};
    const char *start = line + entry.refusal;
    size_t bytes = strcspn(start, entry.refusal ? "\"\n" : " \n");
    const char *reason = start + bytes + (entry.refusal && start[bytes] == '"');
    reason += strspn(reason, " ");
    if (bytes == 0 || strcspn(reason, "\n") == 0) {
        fprintf(stderr, "%s: there is no reason in the line: %s", path, line);
        abort();
    }
    entry.text = copy_of(start, bytes);
    entry.reason = copy_of(reason, strcspn(reason, "\n"));
    list->entries = grown(list->entries, (list->n_entries + 1) * sizeof *list->entries);
    list->entries[list->n_entries++] = entry;
}

bool case_list_open(struct case_list *list, const char *path) {
    *list = (struct case_list){0};
    FILE *stream = fopen(path, "r");
    if (!stream) return false;
    char line[512];
    while (fgets(line, sizeof line, stream)) {
        if (*line != '#' && *line != '\n') add_line(list, path, line);
    }
    (void)fclose(stream);
    return true;
}

/* The entry for a case: by its name, or by the sentence of a refusal. */
static struct case_entry *find(struct case_list *list, const char *name, enum case_outcome outcome,
                               const char *sentence) {
    for (size_t i = 0; i < list->n_entries; i++) {
        struct case_entry *entry = &list->entries[i];
        bool hit = entry->refusal ? outcome == CASE_REFUSED && strstr(sentence, entry->text)
                                  : fnmatch(entry->text, name, 0) == 0;
        if (hit) return entry;
    }
    return NULL;
}

bool case_list_count(struct case_list *list, const char *name, enum case_outcome outcome,
                     const char *sentence) {
    struct case_entry *entry = find(list, name, outcome, sentence);
    if (entry) entry->uses++;
    if (entry && outcome != CASE_PASSES) {
        list->skipped++;
        fprintf(stderr, "skipped %s: %s\n", name, entry->reason);
        return true;
    }
    if (!entry && outcome == CASE_PASSES) {
        list->passed++;
        return true;
    }
    list->failed++;
    fprintf(stderr, "FAILED %s: %s\n", name,
            entry ? "it passes, but is on the list of what does not" : sentence);
    return false;
}

bool case_list_close(struct case_list *list, const char *what) {
    bool good = true;
    for (size_t i = 0; i < list->n_entries; i++) {
        struct case_entry *entry = &list->entries[i];
        if (entry->uses == 0) {
            fprintf(stderr, "%s: nothing is skipped for the entry '%s' (%s)\n", what, entry->text,
                    entry->reason);
            good = false;
        }
        free(entry->text);
        free(entry->reason);
    }
    free(list->entries);
    fprintf(stderr, "%s: %zu passed, %zu failed, %zu skipped\n", what, list->passed, list->failed,
            list->skipped);
    *list = (struct case_list){0};
    return good;
}
