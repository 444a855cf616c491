/* A list, under review, of what is known not to pass, and why. It has to stay true: what is listed must not pass,
 * and every entry must be of use.
 *
 *     # a comment
 *     node/test_lstm_*  recurrent networks do not belong here
 *     "operator 'LSTM'" recurrent networks do not belong here
 *
 * The first word is a pattern of a case's name, or, in quotes, a part of the sentence with which the library
 * refuses what it does not support; the rest is the reason. */
#ifndef TESTS_CASE_LIST_H
#define TESTS_CASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct case_entry {
    char *text;
    bool refusal; /* of a sentence, not of a name */
    char *reason;
    size_t uses;
};

struct case_list {
    struct case_entry *entries;
    size_t n_entries;
    size_t passed, failed, skipped;
};

/* Reads a list. False when there is no such file; a line without a reason ends the program. */
bool case_list_open(struct case_list *list, const char *path);

enum case_outcome { CASE_PASSES, CASE_FAILS, CASE_REFUSED };

/* Counts a case and says on stderr what is to be said of it. `sentence` is why it did not pass. False when that
 * is against the list: it fails and is not listed, or passes and is. */
bool case_list_count(struct case_list *list, const char *name, enum case_outcome outcome,
                     const char *sentence);

/* Prints "WHAT: N passed, N failed, N skipped" and closes the list. False when an entry was of no use. */
bool case_list_close(struct case_list *list, const char *what);

#endif
