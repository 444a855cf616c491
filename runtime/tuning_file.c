/* A line for each measurement, the fields with tabs between them:
 *
 *   version  processor  instruction set  threads  layer  way (four numbers)  microseconds  the model's microseconds
 *
 * Whatever is not such a line is passed over and is gone when the file is written again. A way that is read here is only
 * taken if it is one of those that the layer itself has listed. */
#include "runtime/tuning.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILE_BYTES = 8 * 1024 * 1024, MOST_LINE_BYTES = 768, KEY_FIELDS = 5 };

static const char first_line[] = "fmap tuning 1";

static bool is_printable(const char *line) {
    for (; *line; line++) {
        if ((*line < ' ' && *line != '\t') || *line == 127) return false;
    }
    return true;
}

/* The end of the key: the tab behind its last field. */
static char *end_of_key(char *line) {
    char *tab = line - 1;
    for (int i = 0; i < KEY_FIELDS && tab; i++) tab = strchr(tab + 1, '\t');
    return tab;
}

static bool parse_line(char *line, struct fmap_tuning_entry *entry) {
    char *end = end_of_key(line);
    if (!end || !is_printable(line)) return false;
    int64_t *v = entry->way.values;
    int used = 0;
    if (sscanf(end + 1, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 "\t%lf\t%lf%n", &v[0], &v[1], &v[2],
               &v[3], &entry->microseconds, &entry->usual_microseconds, &used) != 6 ||
        end[1 + used] != '\0')
        return false;
    *end = '\0';
    entry->key = line;
    return isfinite(entry->microseconds) && isfinite(entry->usual_microseconds);
}

static bool read_lines(struct fmap_tuning_cache *cache, FILE *file) {
    char line[MOST_LINE_BYTES];
    bool known = false;
    for (long bytes = 0; bytes < MOST_FILE_BYTES && fgets(line, sizeof line, file);) {
        size_t length = strlen(line);
        bytes += (long)length + 1;
        if (length == 0 || line[length - 1] != '\n') continue; /* too long, or cut off */
        line[length - 1] = '\0';
        if (!known && strcmp(line, first_line) != 0) return true; /* not such a file */
        struct fmap_tuning_entry entry = {0};
        if (known && parse_line(line, &entry) && !fmap_tuning_set(cache, &entry)) return false;
        known = true;
    }
    return true;
}

bool fmap_tuning_read(struct fmap_tuning_cache *cache) {
    int descriptor = open(cache->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return true; /* nothing measured yet */
    struct stat status;
    FILE *file = NULL;
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) file = fdopen(descriptor, "r");
    if (!file) {
        close(descriptor);
        return true;
    }
    bool read = read_lines(cache, file);
    (void)fclose(file);
    return read;
}

/* The folders above the file, as far as they are missing. */
static void make_folders(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0777);
        *slash = '/';
    }
}

static bool write_lines(const struct fmap_tuning_cache *cache, int descriptor) {
    bool written = dprintf(descriptor, "%s\n", first_line) > 0;
    for (size_t i = 0; i < cache->n_entries && written; i++) {
        const struct fmap_tuning_entry *entry = &cache->entries[i];
        const int64_t *v = entry->way.values;
        written = dprintf(descriptor, "%s\t%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\t%.2f\t%.2f\n",
                          entry->key, v[0], v[1], v[2], v[3], entry->microseconds,
                          entry->usual_microseconds) > 0;
    }
    return written;
}

/* Written beside it and put in its place: readers see the old file or the new one. */
bool fmap_tuning_write(const struct fmap_tuning_cache *cache) {
    size_t room = strlen(cache->path) + sizeof ".XXXXXX";
    char *beside = fmap_storage_take(cache->storage, room, 1);
    if (!beside) {
        errno = ENOMEM;
        return false;
    }
    snprintf(beside, room, "%s", cache->path);
    make_folders(beside);
    snprintf(beside, room, "%s.XXXXXX", cache->path);
    int descriptor = mkstemp(beside);
    if (descriptor < 0) return false;
    bool written = write_lines(cache, descriptor);
    written = fchmod(descriptor, 0644) == 0 && written;
    written = close(descriptor) == 0 && written;
    written = written && rename(beside, cache->path) == 0;
    int reason = errno;
    if (!written) (void)unlink(beside);
    errno = reason;
    return written;
}
