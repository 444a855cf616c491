#include <criterion/criterion.h>

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/net.h"

/* As short as can be: these tests are about what is filled in, not about how fast this machine is. */
static const double SHORT = 0.1;

static void check_filled(const fmap_machine *machine) {
    cr_expect(isfinite(machine->flops_per_second) && machine->flops_per_second > 0);
    for (int level = FMAP_LEVEL_L1; level < FMAP_LEVELS; level++) {
        double rate = machine->bytes_per_second[level];
        cr_expect(isfinite(rate) && rate > 0, "%s", fmap_memory_level_name((fmap_memory_level)level));
    }
    cr_expect_gt(machine->level_bytes[FMAP_LEVEL_MEMORY], machine->level_bytes[FMAP_LEVEL_L2]);
}

Test(machine, measures_every_instruction_set_with_the_threads_that_were_asked_for) {
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    for (int i = 0; i < n_isas; i++) {
        for (int threads = 1; threads <= 2; threads++) {
            fmap_machine machine;
            fmap_error error;
            fmap_machine_options options = {.max_isa = isas[i], .threads = threads, .milliseconds = SHORT};
            cr_assert_eq(fmap_machine_measure(&options, &machine, &error), FMAP_OK, "%s", error.message);
            cr_expect_eq(machine.isa, isas[i]);
            cr_expect_eq(machine.threads, threads);
            check_filled(&machine);
        }
    }
}

Test(machine, more_threads_than_processors_take_turns) {
    fmap_machine machine;
    fmap_machine_options options = {.threads = 7, .milliseconds = SHORT};
    cr_assert_eq(fmap_machine_measure(&options, &machine, NULL), FMAP_OK);
    cr_expect_eq(machine.threads, 7);
    check_filled(&machine);
}

Test(machine, the_defaults_are_all_threads_and_the_best_instructions) {
    fmap_machine machine;
    cr_assert_eq(fmap_machine_measure(NULL, &machine, NULL), FMAP_OK);
    cr_expect_eq(machine.isa, fmap_isa_select(FMAP_ISA_BEST));
    cr_expect_geq(machine.threads, 1);
    check_filled(&machine);
}

static void expect_refusal(const fmap_machine_options *options, fmap_machine *machine, const char *word) {
    fmap_error error = {.status = FMAP_OK};
    cr_expect_eq(fmap_machine_measure(options, machine, &error), FMAP_ERROR_ARGUMENT);
    cr_expect_eq(error.status, FMAP_ERROR_ARGUMENT);
    cr_expect(strstr(error.message, word), "'%s' does not name %s", error.message, word);
    cr_expect_eq(fmap_machine_measure(options, machine, NULL), FMAP_ERROR_ARGUMENT);
}

Test(machine, refuses_what_makes_no_sense_and_leaves_the_result_alone) {
    fmap_machine machine, before;
    memset(&machine, 0x5a, sizeof machine);
    before = machine;
    expect_refusal(NULL, NULL, "NULL");
    expect_refusal(&(fmap_machine_options){.threads = -1}, &machine, "threads");
    expect_refusal(&(fmap_machine_options){.threads = 1025}, &machine, "threads");
    expect_refusal(&(fmap_machine_options){.milliseconds = -1}, &machine, "milliseconds");
    expect_refusal(&(fmap_machine_options){.milliseconds = 1001}, &machine, "milliseconds");
    expect_refusal(&(fmap_machine_options){.milliseconds = (double)NAN}, &machine, "milliseconds");
    expect_refusal(&(fmap_machine_options){.max_isa = (fmap_isa)9}, &machine, "instruction set 9");
    cr_expect_eq(memcmp(&machine, &before, sizeof machine), 0);
}

Test(machine, says_when_there_is_no_memory) {
#if defined(__SANITIZE_ADDRESS__)
    cr_skip_test("AddressSanitizer needs the address space");
#endif
    fmap_machine machine;
    fmap_error error;
    fmap_machine_options options = {.threads = 1, .milliseconds = SHORT};
    struct rlimit limit;
    /* OpenMP's own memory comes first: some of its runtimes end the process when there is none. */
    cr_assert_eq(fmap_machine_measure(&options, &machine, &error), FMAP_OK);
    cr_assert_eq(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = 64 << 20; /* less than what has to be read to leave every cache */
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    void *more = mmap(NULL, 128 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (more != MAP_FAILED) cr_skip_test("an emulator does not limit the address space");
    cr_expect_eq(fmap_machine_measure(&options, &machine, &error), FMAP_ERROR_MEMORY);
}

Test(machine, levels_have_names) {
    cr_expect_str_eq(fmap_memory_level_name(FMAP_LEVEL_L1), "L1");
    cr_expect_str_eq(fmap_memory_level_name(FMAP_LEVEL_L3), "L3");
    cr_expect_str_eq(fmap_memory_level_name(FMAP_LEVEL_MEMORY), "memory");
    cr_expect_str_eq(fmap_memory_level_name(FMAP_LEVELS), "unknown");
}
