/* libFuzzer: no bytes, given as a model file, may do harm. Built with -DFMAP_FUZZ=ON and Clang:
 *
 *     cmake -S . -B build/fuzz -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang-14 -DFMAP_FUZZ=ON \
 *           -DFMAP_BENCH=OFF -DFMAP_SANITIZE=address,undefined,fuzzer-no-link
 *     cmake --build build/fuzz --target fuzz_model_load
 *     build/fuzz/tests/fuzz_model_load -max_len=4096 -rss_limit_mb=1024 DIRECTORY_OF_SMALL_MODELS
 */
#include <fmap/fmap.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    fmap_model *model = NULL;
    fmap_error error;
    memset(&error, 0xa5, sizeof error); /* A sentence that does not end would run over the structure. */
    fmap_status status = fmap_model_load_memory(data, bytes, "fuzz", NULL, &model, &error);
    if (status == FMAP_OK ? !model : model || error.status != status || !strchr(error.message, ':')) {
        __builtin_trap();
    }
    fmap_model_destroy(model);
    return 0;
}
