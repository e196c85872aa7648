/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is answered to a request.
 */
#ifndef WEIR_TOOLS_HTTP_ANSWER_H
#define WEIR_TOOLS_HTTP_ANSWER_H

#include "http_request.h"

/* An answer: `text` (the head, and the body where it is made here), then a part of a file. */
struct http_answer {
    unsigned status;
    struct text text;
    size_t head_len;      /* bytes of `text` that are the head */
    int file;             /* -1: none; closed by http_answer_end */
    uint64_t offset, end; /* the part of it */
    bool keep_alive;      /* another request may follow */
};

/* Makes the answer to a whole request; `answer` is all zero, or ended before. */
void http_answer_make(struct http_answer *answer, int root, const struct http_request *request);

/* Makes one that says that something went wrong; the connection then ends. */
void http_answer_refuse(struct http_answer *answer, const struct http_request *request,
                        unsigned status);

/* Closes the file, empties the text. */
void http_answer_end(struct http_answer *answer);

#endif
