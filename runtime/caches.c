#include "runtime/caches.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_CACHES = 8, TEXT_BYTES = 32 };

/* What Linux says about the i-th cache of the first processor. */
static bool read_attribute(int i, const char *attribute, char text[TEXT_BYTES]) {
    static const char folder[] = "/sys/devices/system/cpu/cpu0/cache/index";
    char path[sizeof folder + TEXT_BYTES];
    size_t length = sizeof folder - 1;
    memcpy(path, folder, length);
    path[length++] = (char)('0' + i);
    path[length++] = '/';
    memcpy(path + length, attribute, strlen(attribute) + 1);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    ssize_t n = read(descriptor, text, TEXT_BYTES - 1);
    close(descriptor);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* "32768K" in bytes. */
static size_t parse_size(const char *text) {
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    return (size_t)number << (*end == 'K' ? 10 : *end == 'M' ? 20 : 0);
}

static size_t cache_from_files(int level) {
    for (int i = 0; i < MOST_CACHES; i++) {
        char text[TEXT_BYTES];
        if (!read_attribute(i, "level", text) || atoi(text) != level) continue;
        if (!read_attribute(i, "type", text) || text[0] == 'I') continue;
        if (read_attribute(i, "size", text)) return parse_size(text);
    }
    return 0;
}

/* The files first: sysconf() counts the third level of a whole socket where several caches make it up. */
size_t fmap_cache_bytes(fmap_memory_level level) {
    static const int names[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
    if (level < FMAP_LEVEL_L1 || level > FMAP_LEVEL_L3) return 0;
    size_t bytes = cache_from_files((int)level + 1);
    if (bytes) return bytes;
    long told = sysconf(names[level]);
    return told > 0 ? (size_t)told : 0;
}

size_t fmap_near_cache_bytes(void) {
    static const size_t USUAL = 1024 * 1024, LEAST = 128 * 1024, MOST = 8 * 1024 * 1024;
    size_t bytes = fmap_cache_bytes(FMAP_LEVEL_L2);
    return bytes < LEAST ? USUAL : bytes > MOST ? MOST : bytes;
}

/* What stands behind the colon of the first line that begins with that word. */
static bool find_field(const char *text, const char *word, char *field, size_t room) {
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, word, strlen(word)) != 0) continue;
        const char *from = strchr(line, ':');
        if (!from) return false;
        size_t n = 0;
        for (from++; *from && *from != '\n' && n + 1 < room; from++) {
            bool shown = *from > ' ' && *from<127, between = n> 0 && field[n - 1] != ' ';
            if (shown || between) field[n++] = shown ? *from : ' ';
        }
        while (n > 0 && field[n - 1] == ' ') n--;
        field[n] = '\0';
        return n > 0;
    }
    return false;
}

struct fmap_processor_text fmap_processor_text(void) {
    /* Those of x86 and those of Arm. */
    static const char *const words[] = {"model name", "model\t", "stepping", "CPU implementer", "CPU part"};
    struct fmap_processor_text processor = {"processor"};
    char text[4096] = "", field[64];
    int descriptor = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
    ssize_t n = descriptor < 0 ? 0 : read(descriptor, text, sizeof text - 1);
    if (descriptor >= 0) close(descriptor);
    text[n > 0 ? n : 0] = '\0';
    size_t used = strlen(processor.text);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (find_field(text, words[i], field, sizeof field) && used < sizeof processor.text)
            used += (size_t)snprintf(processor.text + used, sizeof processor.text - used, " %s", field);
    }
    for (int level = FMAP_LEVEL_L1; level <= FMAP_LEVEL_L3 && used < sizeof processor.text; level++)
        used += (size_t)snprintf(processor.text + used, sizeof processor.text - used, " %zu",
                                 fmap_cache_bytes((fmap_memory_level)level) / 1024);
    return processor;
}
