#include "tests/fence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fence fence_raise(size_t bytes) {
    struct fence fence = {.page_bytes = (size_t)sysconf(_SC_PAGESIZE)};
    fence.bytes = (bytes / fence.page_bytes + 1) * fence.page_bytes;
    fence.pages = mmap(NULL, fence.bytes + fence.page_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fence.pages == MAP_FAILED || mprotect(fence.pages + fence.bytes, fence.page_bytes, PROT_NONE) != 0) {
        perror("a fence around memory");
        abort();
    }
    return fence;
}

const uint8_t *fence_copy(const struct fence *fence, const void *data, size_t bytes) {
    return memcpy(fence->pages + fence->bytes - bytes, data, bytes);
}

void fence_take_down(struct fence *fence) { (void)munmap(fence->pages, fence->bytes + fence->page_bytes); }
