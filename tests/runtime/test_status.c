#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "runtime/status.h"

static const char *message_of(const char *text) {
    static fmap_error error;
    error = (fmap_error){0};
    cr_assert_eq(fmap_fail(&error, FMAP_ERROR_FORMAT, "%s", text), FMAP_ERROR_FORMAT);
    cr_assert_eq(error.status, FMAP_ERROR_FORMAT);
    return error.message;
}

Test(status, sentences_pass_as_they_are) {
    cr_assert_str_eq(message_of("model.onnx: node 'conv' is odd"), "model.onnx: node 'conv' is odd");
    cr_assert_str_eq(message_of(""), "");
}

Test(status, utf8_passes) {
    const char *text = "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80 \xEF\xBF\xBD \xF4\x8F\xBF\xBF";
    cr_assert_str_eq(message_of(text), text);
}

Test(status, control_characters_are_replaced) {
    cr_assert_str_eq(message_of("a\nb\tc\x1B[31md\x7F"
                                "e\r"),
                     "a?b?c?[31md?e?");
    cr_assert_str_eq(message_of("C1: \xC2\x9B"
                                "31m\xC2\x80\xC2\x9F"),
                     "C1: ??31m????");                    /* CSI in one character */
    cr_assert_str_eq(message_of("\xC2\xA0"), "\xC2\xA0"); /* the first that is none */
}

Test(status, bytes_that_are_not_utf8_are_replaced) {
    cr_assert_str_eq(message_of("\x80 \xBF"), "? ?");   /* a continuation of nothing */
    cr_assert_str_eq(message_of("\xC3"), "?");          /* cut short by the end */
    cr_assert_str_eq(message_of("\xE2\x82 x"), "?? x"); /* cut short by something else */
    cr_assert_str_eq(message_of("\xC0\x8A \xC1\xBF"),
                     "?? ??");                           /* longer than need be: a newline in two bytes */
    cr_assert_str_eq(message_of("\xE0\x80\x8A"), "???"); /* in three */
    cr_assert_str_eq(message_of("\xE0\x9F\xBF"), "???");
    cr_assert_str_eq(message_of("\xF0\x80\x80\x8A"), "????"); /* in four */
    cr_assert_str_eq(message_of("\xF0\x8F\xBF\xBF"), "????");
    cr_assert_str_eq(message_of("\xED\xA0\x80 \xED\xBF\xBF"), "??? ???"); /* half a surrogate pair */
    cr_assert_str_eq(message_of("\xF4\x90\x80\x80"), "????");             /* beyond the last code point */
    cr_assert_str_eq(message_of("\xF5 \xFE \xFF"), "? ? ?");
}

Test(status, a_sentence_that_is_too_long_is_cut_and_stays_utf8) {
    char text[2 * FMAP_ERROR_MESSAGE_BYTES];
    for (int shift = 0; shift < 3; shift++) {
        memset(text, 'x', sizeof text);
        for (size_t i = (size_t)shift; i + 3 < sizeof text; i += 3) memcpy(text + i, "\xE2\x82\xAC", 3);
        text[sizeof text - 1] = '\0';
        const char *message = message_of(text);
        size_t length = strlen(message);
        cr_assert_eq(length, FMAP_ERROR_MESSAGE_BYTES - 1);
        /* What the cut leaves of the last character has gone. */
        for (size_t i = (size_t)shift; i < length; i += 3) {
            cr_assert(i + 3 <= length ? memcmp(message + i, "\xE2\x82\xAC", 3) == 0 : message[i] == '?');
        }
    }
}

Test(status, an_error_that_nobody_wants_is_not_written) {
    cr_assert_eq(fmap_fail(NULL, FMAP_ERROR_LIMIT, "%s", "x"), FMAP_ERROR_LIMIT);
    cr_assert_eq(fmap_fail_memory(NULL, 5), FMAP_ERROR_MEMORY);
}

Test(status, every_status_has_a_name_of_its_own) {
    for (int a = FMAP_OK; a <= FMAP_ERROR_IO; a++) {
        cr_assert(strcmp(fmap_status_name((fmap_status)a), "unknown") != 0);
        for (int b = FMAP_OK; b < a; b++) {
            cr_assert(strcmp(fmap_status_name((fmap_status)a), fmap_status_name((fmap_status)b)) != 0);
        }
    }
    cr_assert_str_eq(fmap_status_name((fmap_status)99), "unknown");
    cr_assert_str_eq(fmap_status_name((fmap_status)-1), "unknown");
}

Test(status, versions_are_those_of_the_header) {
    char text[40];
    snprintf(text, sizeof text, "%d.%d.%d", FMAP_VERSION_MAJOR, FMAP_VERSION_MINOR, FMAP_VERSION_PATCH);
    cr_assert_str_eq(fmap_version(), text);
    cr_assert_eq(fmap_version_number(),
                 FMAP_VERSION_MAJOR * 10000 + FMAP_VERSION_MINOR * 100 + FMAP_VERSION_PATCH);
}

Test(status, instruction_sets_are_parsed_by_the_names_that_they_have) {
    fmap_isa parsed;
    for (int isa = FMAP_ISA_BEST; isa <= FMAP_ISA_AVX512; isa++) {
        cr_assert(fmap_isa_parse(fmap_isa_name((fmap_isa)isa), &parsed));
        cr_assert_eq((int)parsed, isa);
    }
    cr_assert_not(fmap_isa_parse("sse9", &parsed));
    cr_assert_not(fmap_isa_parse("", &parsed));
    cr_assert_not(fmap_isa_parse(NULL, &parsed));
    cr_assert_str_eq(fmap_isa_name((fmap_isa)77), "unknown");
}

Test(status, a_cap_is_never_exceeded) {
    for (int cap = FMAP_ISA_SCALAR; cap <= FMAP_ISA_AVX512; cap++) {
        cr_assert_leq((int)fmap_isa_select((fmap_isa)cap), cap);
    }
    cr_assert_eq(fmap_isa_select(FMAP_ISA_SCALAR), FMAP_ISA_SCALAR);
}
