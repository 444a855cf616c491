#include "runtime/caches.h"

#include <fcntl.h>
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
