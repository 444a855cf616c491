/* What every command of fmap shares: exit codes, complaints, the table of commands, common options.
 *
 * Functions of the tools that can fail follow the library: they return an fmap_status and fill a
 * caller-owned fmap_error with one sentence. Only a command (cmd_*.c) prints that sentence, through
 * complain(), and returns the exit code that complain() answers with.
 */
#ifndef FMAP_TOOLS_TOOL_H
#define FMAP_TOOLS_TOOL_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fmap/fmap.h>

/* ---- exit codes and complaints ----------------------------------------------------------------- */

enum exit_code {
    TOOL_OK = 0,
    TOOL_NO = 1,          /* it worked, and the answer is no (an accuracy below --at-least) */
    TOOL_USAGE = 2,       /* the command line is wrong */
    TOOL_BAD_INPUT = 3,   /* a file is damaged, or does not fit the network */
    TOOL_UNSUPPORTED = 4, /* valid, but not something that fmap does */
    TOOL_LIMIT = 5,       /* not enough memory, or a size beyond a limit */
    TOOL_IO = 6           /* the operating system refused to open, read or write */
};

/* ARGUMENT is USAGE, MODEL and FORMAT are BAD_INPUT, MEMORY and LIMIT are LIMIT. */
int exit_code_of(fmap_status status);

/* Prints "fmap: <sentence>" on stderr and returns the exit code of error->status. */
int complain(const fmap_error *error);

/* Fills *error (which may be NULL) with a status and a sentence; returns the status. */
fmap_status fail(fmap_error *error, fmap_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a system call on a file that set errno: "cannot <verb> 'path': <reason>". */
fmap_status fail_errno(fmap_error *error, const char *verb, const char *path);

/* "out of memory", naming what the memory was for. */
fmap_status fail_memory(fmap_error *error, const char *what);

#define TRY(expression) \
    do { \
        fmap_status try_status = (expression); \
        if (try_status != FMAP_OK) { \
            return try_status; \
        } \
    } while (0)

/* ---- commands ---------------------------------------------------------------------------------- */

struct command {
    const char *name;
    const char *summary;               /* one line for `fmap --help` */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns an exit code */
};

int cmd_run(int argc, char **argv);
int cmd_maps(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_roofline(int argc, char **argv);
int cmd_isa(int argc, char **argv);
int cmd_pack(int argc, char **argv);

/* Parses a command's line with glibc's argp, which also makes `--help` and `--usage` out of the table
 * of options. Names the program "fmap <command>" in messages, gives every command -h, --help. Ends
 * the process with TOOL_USAGE, a sentence and a hint when the line is wrong, TOOL_OK after a help.
 * In a parser report mistakes by argp_error(state, ...). `input` is what the parser finds in
 * state->input. */
void parse_options(const struct argp *argp, int argc, char **argv, void *input);

/* ---- options that several commands share: children of a command's argp ---------------------------- */

/* --threads, --isa, --weights, --tune, --strips. Zeros are the library's defaults. */
struct engine_options {
    int threads;
    fmap_isa max_isa;
    fmap_weights weights;
};
extern const struct argp engine_argp; /* state->input: struct engine_options * */

/* An option's number, or argp_error() naming the option when `text` is not one in low..high. */
long option_integer(struct argp_state *state, const char *option, const char *text, long low, long high);
double option_number(struct argp_state *state, const char *option, const char *text, double low, double high);

/* "1,2,8": numbers from 1 to high. */
enum { OPTION_LIST_MOST = 16 };
struct option_list {
    size_t count;
    int values[OPTION_LIST_MOST];
};
void option_list(struct argp_state *state, const char *option, const char *text, long high,
                 struct option_list *list);

/* One of a list of words, ended by NULL: its index, or argp_error() with the list. */
int option_word(struct argp_state *state, const char *option, const char *text, const char *const *words);

/* The argument of --isa. */
fmap_isa option_isa(struct argp_state *state, const char *text);

/* The argument of --weights. */
#define WEIGHTS_DOC \
    "How weights of dense layers are kept, f32 (default) or bf16: half of the bytes, rounded to 8 bits"
fmap_weights option_weights(struct argp_state *state, const char *text);

/* --tune: the environment of every plan that is made from now on. */
#define TUNE_DOC "Measure what the tuning file does not know about the layers, and keep it there"
void option_tune(void);

/* The argument of --strips, the same way. */
#define STRIPS_DOC \
    "Depthwise layers in strips with those around them: auto (where it should be faster), never or always"
void option_strips(struct argp_state *state, const char *text);

/* What the parser of a command with the one argument MODEL ends with: takes it, complains when it is missing. */
error_t parse_model(int key, char *argument, struct argp_state *state, const char **model);

/* ---- output ------------------------------------------------------------------------------------- */

/* "1x3x224x224" (unknown dimensions are "?", a scalar is "scalar"); at most 200 bytes. */
enum { SHAPE_TEXT_BYTES = 200 };
const char *shape_text(const fmap_shape *shape, char text[SHAPE_TEXT_BYTES]);

/* "26.4 KB", "1.3 GB": for tables that people read. Returns text. */
enum { QUANTITY_TEXT_BYTES = 32 };
const char *bytes_text(uint64_t bytes, char text[QUANTITY_TEXT_BYTES]);

/* "26.4 k", "1.3 G": parameters and operations. Returns text. */
const char *count_text(double count, char text[QUANTITY_TEXT_BYTES]);

#endif
