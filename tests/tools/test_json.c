#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/json.h"

static void expect(char *written, const char *expected) {
    cr_expect_str_eq(written, expected);
    free(written);
}

#define EXPECT(expected, call) \
    do { \
        char *written = NULL; \
        size_t n_bytes = 0; \
        FILE *stream = open_memstream(&written, &n_bytes); \
        call; \
        fclose(stream); \
        expect(written, expected); \
    } while (0)

Test(json, text_cannot_end_the_script_element_that_holds_it) {
    EXPECT("\"\\u003c/script\\u003e \\u0026amp;\"", json_text(stream, "</script> &amp;"));
    EXPECT("\"\\u003c!--\"", json_text(stream, "<!--"));
}

Test(json, quotes_backslashes_and_control_characters_are_escaped) {
    EXPECT("\"a\\\"b\\\\c\\u000a\\u0001\\u007f\"", json_text(stream, "a\"b\\c\n\x01\x7f"));
}

Test(json, utf8_passes_and_anything_else_is_replaced) {
    EXPECT("\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"",
           json_text(stream, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"));
    EXPECT("\"\xef\xbf\xbdx\"", json_text(stream, "\xffx"));
    EXPECT("\"\xef\xbf\xbd\xef\xbf\xbd\"", json_text(stream, "\xc0\xaf"));                 /* overlong */
    EXPECT("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", json_text(stream, "\xed\xa0\x80")); /* surrogate */
    EXPECT("\"\xef\xbf\xbd\"", json_text(stream, "\xe2"));                                 /* cut off */
    EXPECT("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", json_text(stream, "\xf4\x90\x80\x80"));
}

Test(json, html_text_is_safe_between_tags_and_in_quotes) {
    EXPECT("&lt;b title=&#39;x&#39;&gt; &amp; &quot;\xef\xbf\xbd",
           html_text(stream, "<b title='x'> & \"\xff"));
}

Test(json, numbers_are_rounded_to_seven_digits) {
    EXPECT("0.1", json_number(stream, (double)0.1f));
    EXPECT("1.234568e+10", json_number(stream, 12345678901.0));
    EXPECT("-7", json_number(stream, -7.0));
    EXPECT("-1e-30", json_number(stream, -1e-30));
}

Test(json, what_is_no_number_is_null_and_infinities_survive) {
    EXPECT("null", json_number(stream, NAN));
    EXPECT("1e999", json_number(stream, INFINITY));
    EXPECT("-1e999", json_number(stream, -INFINITY));
}

Test(json, base64_follows_rfc_4648) {
    EXPECT("\"\"", json_base64(stream, "", 0));
    EXPECT("\"Zg==\"", json_base64(stream, "f", 1));
    EXPECT("\"Zm8=\"", json_base64(stream, "fo", 2));
    EXPECT("\"Zm9v\"", json_base64(stream, "foo", 3));
    EXPECT("\"Zm9vYmFy\"", json_base64(stream, "foobar", 6));
    EXPECT("\"+/+/\"", json_base64(stream, "\xfb\xff\xbf", 3));
}
