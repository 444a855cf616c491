#include "font.h"

#include <stddef.h>

/* Six banks of sixteen characters, from the space on: to change a letter, paint it. */
enum { FIRST = ' ', BANKS = 6, IN_BANK = 16, BOX = 0x7f };

/* clang-format off */
static const char banks[BANKS][FONT_HEIGHT][IN_BANK * FONT_ADVANCE] = {
    {
        "        #    # #   # #    #   ##     ##     #      #   #                                      #",
        "        #    # #   # #   #### ##  # #  #    #     #     #     #     #                         #",
        "        #    # #  ##### # #      #  # #    #     #       #  # # #   #                        # ",
        "        #          # #   ###    #    #           #       #   ###  #####       #####         #  ",
        "        #         #####   # #  #    # # #        #       #  # # #   #                      #   ",
        "                   # #  ####  #  ## #  #          #     #     #     #    ##          ##   #    ",
        "        #          # #    #      ##  ## #          #   #                  #          ##   #    ",
        "                                                                         #                     ",
        "                                                                                               ",
    },
    {
        " ###    #    ###   ###     #  #####   ##  #####  ###   ###                 #         #     ### ",
        "#   #  ##   #   # #   #   ##  #      #        # #   # #   #  ##    ##     #           #   #   #",
        "#  ##   #       #     #  # #  ####  #        #  #   # #   #  ##    ##    #    #####    #      #",
        "# # #   #     ##    ##  #  #      # ####    #    ###   ####             #               #    # ",
        "##  #   #    #        # #####     # #   #   #   #   #     #  ##    ##    #    #####    #    #  ",
        "#   #   #   #     #   #    #  #   # #   #  #    #   #    #   ##     #     #           #        ",
        " ###   ###  #####  ###     #   ###   ###   #     ###   ##          #       #         #      #  ",
        "                                                                                               ",
        "                                                                                               ",
    },
    {
        " ###    #   ####   ###  ###   ##### #####  ###  #   #  ###    ### #   # #     #   # #   #  ### ",
        "#   #  # #  #   # #   # #  #  #     #     #   # #   #   #      #  #  #  #     ## ## ##  # #   #",
        "# ### #   # #   # #     #   # #     #     #     #   #   #      #  # #   #     # # # # # # #   #",
        "# # # #   # ####  #     #   # ####  ####  # ### #####   #      #  ##    #     # # # # # # #   #",
        "# ### ##### #   # #     #   # #     #     #   # #   #   #      #  # #   #     #   # #  ## #   #",
        "#     #   # #   # #   # #  #  #     #     #   # #   #   #   #  #  #  #  #     #   # #   # #   #",
        " #### #   # ####   ###  ###   ##### #      #### #   #  ###   ##   #   # ##### #   # #   #  ### ",
        "                                                                                               ",
        "                                                                                               ",
    },
    {
        "####   ###  ####   #### ##### #   # #   # #   # #   # #   # #####  ###  #      ###    #        ",
        "#   # #   # #   # #       #   #   # #   # #   # #   # #   #     #  #    #        #   # #       ",
        "#   # #   # #   # #       #   #   # #   # #   #  # #   # #     #   #     #       #  #   #      ",
        "####  #   # ####   ###    #   #   # #   # # # #   #     #     #    #      #      #             ",
        "#     # # # # #       #   #   #   #  # #  # # #  # #    #    #     #       #     #             ",
        "#     #  #  #  #      #   #   #   #  # #  # # # #   #   #   #      #        #    #             ",
        "#      ## # #   # ####    #    ###    #    # #  #   #   #   #####  ###      #  ###             ",
        "                                                                                          #####",
        "                                                                                               ",
    },
    {
        " #          #               #         ##        #       #      #  #      ##                    ",
        "  #         #               #        #  #       #                 #       #                    ",
        "       ###  ####   ###   ####  ###   #     #### ####   ##     ##  #  #    #   ## #  ####   ### ",
        "          # #   # #   # #   # #   # ###   #   # #   #   #      #  # #     #   # # # #   # #   #",
        "       #### #   # #     #   # #####  #    #   # #   #   #      #  ##      #   # # # #   # #   #",
        "      #   # #   # #   # #   # #      #    #   # #   #   #      #  # #     #   # # # #   # #   #",
        "       #### ####   ###   ####  ###   #     #### #   #  ###     #  #  #   ###  # # # #   #  ### ",
        "                                              #             #  #                               ",
        "                                           ###               ##                                ",
    },
    {
        "                         #                                           #    #    #          #####",
        "                         #                                          #     #     #         #   #",
        "####   #### # ##   #### ###   #   # #   # #   # #   # #   # #####   #     #     #    #    #   #",
        "#   # #   # ##  # #      #    #   # #   # #   #  # #  #   #    #   #      #      #  # # # #   #",
        "#   # #   # #      ###   #    #   # #   # # # #   #   #   #   #     #     #     #      #  #   #",
        "#   # #   # #         #  #  # #   #  # #  # # #  # #  #   #  #      #     #     #         #   #",
        "####   #### #     ####    ##   ####   #    # #  #   #  #### #####    #    #    #          #####",
        "#         #                                               #                                    ",
        "#         #                                            ###                                     ",
    },
};
/* clang-format on */

bool font_dot(char character, int x, int y) {
    int code = (unsigned char)character;
    int index = (code >= FIRST && code <= BOX ? code : BOX) - FIRST;
    return banks[index / IN_BANK][y][index % IN_BANK * FONT_ADVANCE + x] == '#';
}

/* The next character of a UTF-8 text as one that the font has; 0 at the end. */
static char next_character(const char **text) {
    const unsigned char *at = (const unsigned char *)*text;
    if (*at == 0) return 0;
    unsigned char first = *at++;
    bool times = first == 0xc3 && *at == 0x97;
    while ((first & 0xc0) == 0xc0 && (*at & 0xc0) == 0x80) at++;
    *text = (const char *)at;
    if (times) return 'x';
    return first >= FIRST && first < BOX ? (char)first : (char)BOX;
}

int font_width(const char *text, int scale) {
    int characters = 0;
    while (next_character(&text) != 0) characters++;
    return characters == 0 ? 0 : (characters * FONT_ADVANCE - 1) * scale;
}

static void draw_character(struct image *image, int x, int y, int scale, struct color color, char character) {
    for (int row = 0; row < FONT_HEIGHT; row++) {
        for (int column = 0; column < FONT_ADVANCE; column++) {
            if (font_dot(character, column, row)) {
                canvas_fill(image, x + column * scale, y + row * scale, scale, scale, color);
            }
        }
    }
}

void font_draw(struct image *image, int x, int y, int width, int scale, struct color color,
               const char *text) {
    int fitting = (width + scale) / (FONT_ADVANCE * scale);
    bool cut = font_width(text, scale) > width;
    char character;
    for (int i = 0; i < fitting && (character = next_character(&text)) != 0; i++) {
        draw_character(image, x, y, scale, color, cut && i >= fitting - 2 ? '.' : character);
        x += FONT_ADVANCE * scale;
    }
}
