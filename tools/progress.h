/* One line on a terminal for work that takes more than a second; silent everywhere else. */
#ifndef FMAP_TOOLS_PROGRESS_H
#define FMAP_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct progress {
    const char *what; /* "running", for example */
    size_t total;
    size_t done;
    double started; /* seconds */
    double drawn;
    bool visible; /* stderr is a terminal, or made so by a test */
    bool shown;
};

void progress_start(struct progress *progress, const char *what, size_t total);
void progress_update(struct progress *progress, size_t done);

/* Wipes the line away. Call it before anything else is printed; the next update draws it again. */
void progress_end(struct progress *progress);

#endif
