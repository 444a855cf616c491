#include "page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "page_data.h"
#include "page_files.h"
#include "tool.h"

/* For a browser without scripts: the layers as a list of links to the contact sheets beside the page. */
static void write_sheets(const struct page *page, FILE *stream) {
    for (size_t i = 0; i < page->maps->n_layers; i++) {
        const struct layer_maps *layer = &page->maps->layers[i];
        if (layer->values == NULL) continue;
        fprintf(stream, "<li><a href=\"%s.png\">", layer->file);
        html_text(stream, layer->name);
        fputs("</a></li>\n", stream);
    }
}

static void write_answer(const struct page *page, FILE *stream) {
    if (page->n_answers == 0) return;
    html_text(stream, page->answers[0].label);
    fprintf(stream, " (%.2f%%)", page->answers[0].probability * 100.0);
}

/* Writes what stands for {{name}} in page.html. */
static fmap_status write_part(const struct page *page, const char *name, size_t length, FILE *stream,
                              fmap_error *error) {
    static const struct {
        const char *name;
        const unsigned char *text;
    } files[] = {
        {"page.css", page_css},         {"page_draw.js", page_draw_js},
        {"page_text.js", page_text_js}, {"page_viewer.js", page_viewer_js},
        {"page.js", page_js},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (strlen(files[i].name) == length && memcmp(files[i].name, name, length) == 0) {
            fputs((const char *)files[i].text, stream);
            return FMAP_OK;
        }
    }
    if (memcmp(name, "title", 5) == 0) {
        html_text(stream, page->title);
    } else if (memcmp(name, "answer", 6) == 0) {
        write_answer(page, stream);
    } else if (memcmp(name, "sheets", 6) == 0) {
        write_sheets(page, stream);
    } else if (memcmp(name, "data", 4) == 0) {
        return page_data_write(page, stream, error);
    }
    return FMAP_OK;
}

static fmap_status write_page(const struct page *page, FILE *stream, fmap_error *error) {
    const char *at = (const char *)page_html;
    const char *open;
    while ((open = strstr(at, "{{")) != NULL) {
        const char *close = strstr(open, "}}");
        fwrite(at, 1, (size_t)(open - at), stream);
        TRY(write_part(page, open + 2, (size_t)(close - open - 2), stream, error));
        at = close + 2;
    }
    fputs(at, stream);
    return FMAP_OK;
}

fmap_status page_make(const struct page *page, char **html, size_t *n_bytes, fmap_error *error) {
    *html = NULL;
    FILE *stream = open_memstream(html, n_bytes);
    if (stream == NULL) return fail_memory(error, "the page");
    fmap_status status = write_page(page, stream, error);
    bool failed = ferror(stream) != 0;
    failed = fclose(stream) != 0 || failed;
    if (status == FMAP_OK && failed) status = fail_memory(error, "the page");
    if (status != FMAP_OK) {
        free(*html);
        *html = NULL;
    }
    return status;
}
