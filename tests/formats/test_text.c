/* Text out of files. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "runtime/formats/text.h"

static const char *fault(const char *text) { return fmap_text_fault((const uint8_t *)text, strlen(text)); }

static struct fmap_text_shown show(const char *text) {
    return fmap_text_show((const uint8_t *)text, strlen(text));
}

Test(text, names_of_any_script_are_good) {
    cr_assert_null(fault(""));
    cr_assert_null(fault("conv1/kernel:0 (a b)"));
    cr_assert_null(fault("\303\244 \342\202\254 \360\237\220\261"));
    cr_assert_null(fault("\302\240\337\277\340\240\200\355\237\277\356\200\200\357\277\277\364\217\277\277"));
}

Test(text, control_characters_are_faults) {
    static const char *const names[] = {"a\n", "\t", "\033[31m", "\177", "\302\200", "\302\237"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert_not_null(fault(names[i]), "%zu", i);
        cr_assert(strstr(fault(names[i]), "control"), "%zu", i);
    }
    cr_assert(strstr(fmap_text_fault((const uint8_t *)"a\0b", 3), "zero"));
}

Test(text, what_is_not_utf8_is_a_fault) {
    static const char *const names[] = {
        "\200",             /* a continuation without a beginning */
        "\303",             /* a beginning without a continuation */
        "\303(",            /* the same, followed by something */
        "\300\257",         /* overlong, two bytes */
        "\340\200\257",     /* overlong, three bytes */
        "\360\200\200\257", /* overlong, four bytes */
        "\355\240\200",     /* a surrogate */
        "\364\220\200\200", /* above U+10FFFF */
        "\365\200\200\200",
        "\376",
        "\377",
        "caf\351",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert_not_null(fault(names[i]), "%zu", i);
        cr_assert(strstr(fault(names[i]), "UTF-8"), "%zu", i);
    }
}

Test(text, showing_replaces_what_is_not_printable) {
    cr_assert_str_eq(show("a\nb\033c\377d\302\205e").text, "a?b?c?d?e");
    cr_assert_str_eq(show("\303\244\342\202\254").text, "\303\244\342\202\254");
    cr_assert_str_eq(fmap_text_show(NULL, 0).text, "");
    cr_assert_str_eq(fmap_text_show((const uint8_t *)"\303\244", 1).text, "?");
}

Test(text, showing_cuts_between_characters) {
    char text[3 * FMAP_TEXT_SHOWN_BYTES + 1] = "";
    for (size_t lead = 0; lead < 4; lead++) {
        memset(text, 'a', lead);
        for (size_t i = lead; i + 3 < sizeof text; i += 3) memcpy(text + i, "\342\202\254", 4);
        struct fmap_text_shown shown = show(text);
        cr_assert_null(fault(shown.text), "%s", shown.text);
        cr_assert_lt(strlen(shown.text), FMAP_TEXT_SHOWN_BYTES);
        cr_assert_str_eq(shown.text + strlen(shown.text) - 3, "...");
        struct fmap_text_shown path = fmap_text_show_path(text);
        cr_assert_null(fault(path.text), "%s", path.text);
        cr_assert_eq(strncmp(path.text, "...", 3), 0);
        cr_assert_str_eq(path.text + strlen(path.text) - 3, "\342\202\254");
    }
}

Test(text, what_just_fits_is_shown_whole) {
    char text[FMAP_TEXT_SHOWN_BYTES];
    memset(text, 'a', sizeof text);
    text[FMAP_TEXT_SHOWN_BYTES - 4] = 0;
    cr_assert_str_eq(show(text).text, text);
    cr_assert_str_eq(fmap_text_show_path(text).text, text);
}
