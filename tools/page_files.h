/* The page of `fmap maps`: tools/page.html and what it refers to, embedded by tools/embed.cmake. Each
 * ends with a zero byte. */
#ifndef FMAP_TOOLS_PAGE_FILES_H
#define FMAP_TOOLS_PAGE_FILES_H

extern const unsigned char page_html[];
extern const unsigned char page_css[];
extern const unsigned char page_draw_js[];
extern const unsigned char page_text_js[];
extern const unsigned char page_viewer_js[];
extern const unsigned char page_js[];

#endif
