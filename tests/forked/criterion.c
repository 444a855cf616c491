/* Criterion without its library: a runner that forks for each test and starts no program. For machines that cannot start
 * a foreign processor's programs, where the tests are emulated. It knows what our tests use of Criterion and no more. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77 };

struct criterion_options criterion_options;

static const struct criterion_test *current;
static bool failed;

/* The linker knows where a section with such a name begins and ends. */
extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];

/* ---- what a test calls ------------------------------------------------------------------------------- */

void criterion_internal_test_setup(void) {
    if (current->data->init) current->data->init();
}
void criterion_internal_test_main(void (*function)(void)) { function(); }
void criterion_internal_test_teardown(void) {
    if (current->data->fini) current->data->fini();
}

void cri_asserts_passed_incr(void) {}

char *cr_translate_assert_msg(int number, ...) {
    va_list arguments;
    va_start(arguments, number);
    const char *expression = va_arg(arguments, const char *);
    char *text = NULL;
    cr_asprintf(&text, "The expression %s is false.", expression);
    va_end(arguments);
    return text;
}

int cr_asprintf(char **text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int n = vasprintf(text, format, arguments);
    va_end(arguments);
    if (n < 0) abort();
    return n;
}
void cr_asprintf_free(char *text) { free(text); }

void criterion_send_assert(struct criterion_assert_stats *assertion) {
    if (assertion->passed) return;
    failed = true;
    fprintf(stderr, "[----] %s:%u: Assertion Failed\n[----]   %s\n", assertion->file, assertion->line,
            assertion->message);
}

static void leave(int code) {
    fflush(NULL);
    _exit(code);
}

void criterion_continue_test(void) {}
void criterion_abort_test(void) {
    leave(EXIT_FAILURE);
    abort();
}
void criterion_skip_test(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    leave(failed ? EXIT_FAILURE : SKIPPED);
    abort();
}

/* ---- the runner -------------------------------------------------------------------------------------- */

static void run(void) {
    if (current->data->timeout > 0) alarm((unsigned)current->data->timeout + 1);
    current->test();
    leave(failed ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* What the test came to, as Criterion would say it. */
static const char *result_of(int status) {
    const struct criterion_test_extra_data *data = current->data;
    if (WIFSIGNALED(status)) return WTERMSIG(status) == data->signal ? "PASS" : "CRSH";
    if (data->signal) return "FAIL";
    if (WEXITSTATUS(status) == SKIPPED && data->exit_code != SKIPPED) return "SKIP";
    return WEXITSTATUS(status) == data->exit_code ? "PASS" : "FAIL";
}

int main(void) {
    int tested = 0, passing = 0, failing = 0, crashing = 0;
    for (struct criterion_test **test = __start_cr_tst; test < __stop_cr_tst; test++) {
        current = *test;
        int status = -1;
        fflush(NULL);
        if (current->data->disabled) continue;
        pid_t child = fork();
        if (child == 0) run();
        if (child < 0 || waitpid(child, &status, 0) != child) {
            perror("the runner cannot fork");
            return EXIT_FAILURE;
        }
        const char *result = result_of(status);
        fprintf(stderr, "[%s] %s::%s\n", result, current->category, current->name);
        if (strcmp(result, "SKIP") == 0) continue;
        tested++;
        passing += strcmp(result, "PASS") == 0;
        failing += strcmp(result, "FAIL") == 0;
        crashing += strcmp(result, "CRSH") == 0;
    }
    fprintf(stderr, "[====] Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: %d \n", tested,
            passing, failing, crashing);
    return failing + crashing > 0;
}
