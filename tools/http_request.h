/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request at a time out of a stream of bytes; http_parser does the parsing.
 */
#ifndef WEIR_TOOLS_HTTP_REQUEST_H
#define WEIR_TOOLS_HTTP_REQUEST_H

#include "http_text.h"

#include <http_parser.h>

/* Bounds of what is read for one request. */
enum {
    HTTP_TARGET_MAX = 8192, /* bytes of the target; beyond: 414 */
    HTTP_HEAD_MAX = 65536,  /* of request line and header fields; beyond: 431 */
    HTTP_BODY_MAX = 65536,  /* of a body, which is read and dropped; beyond: 413 */
};

/* The fields that are kept; all others are only counted. */
enum http_field {
    HTTP_FIELD_RANGE,
    HTTP_FIELD_IF_RANGE,
    HTTP_FIELD_IF_MATCH,
    HTTP_FIELD_IF_NONE_MATCH,
    HTTP_FIELD_IF_MODIFIED_SINCE,
    HTTP_FIELD_IF_UNMODIFIED_SINCE,
    HTTP_FIELD_HOST,
    HTTP_FIELD_EXPECT,
    HTTP_FIELD_COUNT,
    HTTP_FIELD_OTHER = HTTP_FIELD_COUNT,
};
/* Bytes kept of each. */
enum { HTTP_VALUE_MAX = 1024 };

struct http_value {
    unsigned times; /* how often the field came */
    bool too_long;  /* not all of it is kept */
    size_t len;
    char text[HTTP_VALUE_MAX];
};

struct http_request {
    struct http_parser parser;
    char target[HTTP_TARGET_MAX];
    size_t target_len;
    struct http_value fields[HTTP_FIELD_COUNT];
    enum http_field field; /* the one being read */
    char field_name[24];
    size_t field_len;
    bool in_value;
    size_t head_bytes, body_bytes;
    bool head_done, whole;
    bool keep_alive;  /* the connection may carry another request */
    unsigned refused; /* the status to answer with when it cannot be served, or 0 */
};

enum http_request_answer {
    HTTP_REQUEST_MORE,    /* all bytes are taken, more are needed */
    HTTP_REQUEST_WHOLE,   /* bytes that are left belong to the next one */
    HTTP_REQUEST_REFUSED, /* answer `refused` and close: where the next one begins is unknown */
};

/* For the first request of a connection. */
void http_request_begin(struct http_request *request);
/* For the next one, after HTTP_REQUEST_WHOLE. */
void http_request_next(struct http_request *request);
enum http_request_answer http_request_feed(struct http_request *request, const char *data,
                                           size_t len, size_t *taken);
/* Whether a byte of a request has come. */
bool http_request_started(const struct http_request *request);
/* The value of a field that came once and is kept whole; NULL otherwise. */
const char *http_request_field(const struct http_request *request, enum http_field field);

#endif
