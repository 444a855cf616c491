/* fmap: runs convolutional networks, shows what is inside of them, measures them. */
#include "tool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
    {"run", "recognise pictures: the most likely classes, the accuracy", cmd_run},
    {"maps", "draw the feature maps of every layer, with a page to look at them", cmd_maps},
    {"info", "list a network's layers, their shapes, parameters and costs", cmd_info},
    {"bench", "measure a network: latency, throughput, every layer", cmd_bench},
    {"roofline", "draw how close every layer comes to what this machine can do", cmd_roofline},
    {"pack", "write a file that holds a network's weights ready for use", cmd_pack},
    {"isa", "tell which instruction sets this machine offers", cmd_isa},
};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    }
    return NULL;
}

static void print_help(FILE *stream) {
    fputs("Usage: fmap COMMAND [OPTION...] [ARGUMENT...]\n"
          "Convolutional networks on the CPU, with every feature map within reach.\n\n",
          stream);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\n  fmap COMMAND --help   the options of a command\n"
          "  fmap --version        the version\n\n"
          "Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 3 bad input file, 4 not supported,\n"
          "5 memory or a limit, 6 input or output.\n\n"
          "Example: fmap run models/digits/digits.onnx models/digits/samples/7.png\n",
          stream);
}

static int complain_usage(const char *format, const char *word) {
    fprintf(stderr, "fmap: ");
    fprintf(stderr, format, word);
    fprintf(stderr, "; `fmap --help' lists the commands\n");
    return TOOL_USAGE;
}

static int help(int argc, char **argv) {
    if (argc < 2) {
        print_help(stdout);
        return TOOL_OK;
    }
    const struct command *command = find_command(argv[1]);
    if (command == NULL) return complain_usage("there is no command '%s'", argv[1]);
    char option[] = "--help";
    char *arguments[] = {argv[1], option, NULL};
    return command->run(2, arguments);
}

static int dispatch(int argc, char **argv) {
    if (argc < 2) {
        print_help(stderr);
        return TOOL_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        return help(argc - 1, argv + 1);
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("fmap %s\n", fmap_version());
        return TOOL_OK;
    }
    const struct command *command = find_command(name);
    if (command != NULL) return command->run(argc - 1, argv + 1);
    return complain_usage(
        name[0] == '-' ? "there is no option '%s' before a command" : "there is no command '%s'", name);
}

int main(int argc, char **argv) {
    /* Who reads our output may stop early, as head(1) does: then we end too, without a word. */
    signal(SIGPIPE, SIG_DFL);
    int code = dispatch(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fmap_error error;
        fail_errno(&error, "write", "standard output");
        return complain(&error);
    }
    return code;
}
