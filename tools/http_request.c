/* SPDX-License-Identifier: BSD-2-Clause */
#include "http_request.h"

#include <string.h>
#include <strings.h>

static const char *const field_names[HTTP_FIELD_COUNT] = {
    [HTTP_FIELD_RANGE] = "Range",
    [HTTP_FIELD_IF_RANGE] = "If-Range",
    [HTTP_FIELD_IF_MATCH] = "If-Match",
    [HTTP_FIELD_IF_NONE_MATCH] = "If-None-Match",
    [HTTP_FIELD_IF_MODIFIED_SINCE] = "If-Modified-Since",
    [HTTP_FIELD_IF_UNMODIFIED_SINCE] = "If-Unmodified-Since",
    [HTTP_FIELD_HOST] = "Host",
    [HTTP_FIELD_EXPECT] = "Expect",
};

/* Stops the parser for good. */
static int refuse(struct http_request *request, unsigned status)
{
    if (request->refused == 0) {
        request->refused = status;
    }
    return -1;
}

static int on_url(struct http_parser *parser, const char *at, size_t len)
{
    struct http_request *request = parser->data;
    if (len > sizeof request->target - request->target_len) {
        return refuse(request, HTTP_STATUS_URI_TOO_LONG);
    }
    memcpy(request->target + request->target_len, at, len);
    request->target_len += len;
    return 0;
}

static int on_header_field(struct http_parser *parser, const char *at, size_t len)
{
    struct http_request *request = parser->data;
    if (request->head_done) {
        return 0; /* a trailer, which nothing here depends on */
    }
    if (request->in_value) {
        request->in_value = false;
        request->field_len = 0;
    }
    /* "A server MUST reject, with a response status code of 400, any received request message that
     * contains whitespace between a header field name and colon" (RFC 9112 section 5.1) */
    if (memchr(at, ' ', len) != NULL || memchr(at, '\t', len) != NULL) {
        return refuse(request, HTTP_STATUS_BAD_REQUEST);
    }
    /* A name that does not fit is none of ours; its length tells, however many pieces it has. */
    if (request->field_len < sizeof request->field_name) {
        size_t room = sizeof request->field_name - request->field_len;
        memcpy(request->field_name + request->field_len, at, len < room ? len : room);
    }
    request->field_len += len;
    return 0;
}

/* The name is whole: which field is it? */
static void begin_value(struct http_request *request)
{
    request->in_value = true;
    request->field = HTTP_FIELD_OTHER;
    for (int i = 0; i < HTTP_FIELD_COUNT; i++) {
        if (strlen(field_names[i]) == request->field_len &&
            strncasecmp(field_names[i], request->field_name, request->field_len) == 0) {
            request->field = (enum http_field)i;
            request->fields[i].times++;
        }
    }
}

static int on_header_value(struct http_parser *parser, const char *at, size_t len)
{
    struct http_request *request = parser->data;
    if (request->head_done) {
        return 0;
    }
    /* RFC 9110 section 5.5: a recipient of NUL "MUST either reject the message or replace" it. */
    if (memchr(at, '\0', len) != NULL) {
        return refuse(request, HTTP_STATUS_BAD_REQUEST);
    }
    if (!request->in_value) {
        begin_value(request);
    }
    if (request->field == HTTP_FIELD_OTHER) {
        return 0;
    }
    struct http_value *value = &request->fields[request->field];
    if (len >= sizeof value->text - value->len) {
        value->too_long = true;
    }
    if (!value->too_long) {
        memcpy(value->text + value->len, at, len);
        value->len += len;
        value->text[value->len] = '\0';
    }
    return 0;
}

/* "optional trailing whitespace […] is not included" in a value (RFC 9112 section 5.1). */
static void trim(struct http_value *value)
{
    while (value->len > 0 && strchr(" \t", value->text[value->len - 1]) != NULL) {
        value->text[--value->len] = '\0';
    }
}

static int on_headers_complete(struct http_parser *parser)
{
    struct http_request *request = parser->data;
    request->head_done = true;
    for (size_t i = 0; i < HTTP_FIELD_COUNT; i++) {
        trim(&request->fields[i]);
    }
    if (parser->http_major != 1) {
        return refuse(request, HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED);
    }
    /* "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message
     * that lacks a Host header field and to any request message that contains more than one Host
     * header field line" (RFC 9112 section 3.2) */
    unsigned hosts = request->fields[HTTP_FIELD_HOST].times;
    if (hosts > 1 || (hosts == 0 && parser->http_minor >= 1)) {
        return refuse(request, HTTP_STATUS_BAD_REQUEST);
    }
    if (parser->method != HTTP_GET && parser->method != HTTP_HEAD) {
        return refuse(request, HTTP_STATUS_METHOD_NOT_ALLOWED);
    }
    bool chunked = (parser->flags & F_CHUNKED) != 0;
    bool sized = (parser->flags & F_CONTENTLENGTH) != 0;
    /* "A server or client that receives an HTTP/1.0 message containing a Transfer-Encoding header
     * field MUST treat the message as if the framing is faulty" (RFC 9112 section 6.1): whoever
     * stands in between may see two requests in it, or half of one. */
    if (chunked && parser->http_minor == 0) {
        return refuse(request, HTTP_STATUS_BAD_REQUEST);
    }
    if ((sized && parser->content_length > HTTP_BODY_MAX) ||
        ((sized || chunked) && request->fields[HTTP_FIELD_EXPECT].times > 0)) {
        return refuse(request, HTTP_STATUS_PAYLOAD_TOO_LARGE); /* no need to send it */
    }
    return 0;
}

static int on_body(struct http_parser *parser, const char *at, size_t len)
{
    struct http_request *request = parser->data;
    (void)at;
    request->body_bytes += len;
    return request->body_bytes > HTTP_BODY_MAX ? refuse(request, HTTP_STATUS_PAYLOAD_TOO_LARGE) : 0;
}

static int on_message_complete(struct http_parser *parser)
{
    struct http_request *request = parser->data;
    request->whole = true;
    request->keep_alive = http_should_keep_alive(parser) != 0;
    http_parser_pause(parser, 1);
    return 0;
}

static const struct http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void http_request_begin(struct http_request *request)
{
    http_parser_init(&request->parser, HTTP_REQUEST);
    request->parser.data = request;
    http_request_next(request);
}

void http_request_next(struct http_request *request)
{
    http_parser_pause(&request->parser, 0);
    request->target_len = 0;
    for (size_t i = 0; i < HTTP_FIELD_COUNT; i++) {
        request->fields[i].times = 0;
        request->fields[i].len = 0;
        request->fields[i].too_long = false;
        request->fields[i].text[0] = '\0';
    }
    request->field = HTTP_FIELD_OTHER;
    request->field_len = 0;
    request->in_value = false;
    request->head_bytes = request->body_bytes = 0;
    request->head_done = request->whole = request->keep_alive = false;
    request->refused = 0;
}

static bool is_token(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* The status that tells what the parser stumbled over. */
static unsigned status_of(enum http_errno error, char at)
{
    switch ((int)error) {
    case HPE_HEADER_OVERFLOW:
        return HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE;
    case HPE_INVALID_METHOD:
        /* A method that could be one, or rubbish? */
        return is_token(at) ? HTTP_STATUS_NOT_IMPLEMENTED : HTTP_STATUS_BAD_REQUEST;
    default:
        return HTTP_STATUS_BAD_REQUEST;
    }
}

enum http_request_answer http_request_feed(struct http_request *request, const char *data,
                                           size_t len, size_t *taken)
{
    bool in_head = !request->head_done;
    *taken = http_parser_execute(&request->parser, &settings, data, len);
    if (in_head) {
        request->head_bytes += *taken;
    }
    if (request->whole) {
        return HTTP_REQUEST_WHOLE;
    }
    enum http_errno error = HTTP_PARSER_ERRNO(&request->parser);
    if (error != HPE_OK) {
        (void)refuse(request, status_of(error, *taken < len ? data[*taken] : '\0'));
    } else if (!request->head_done && request->head_bytes > HTTP_HEAD_MAX) {
        (void)refuse(request, HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    return request->refused != 0 ? HTTP_REQUEST_REFUSED : HTTP_REQUEST_MORE;
}

bool http_request_started(const struct http_request *request)
{
    return request->head_bytes > 0;
}

const char *http_request_field(const struct http_request *request, enum http_field field)
{
    const struct http_value *value = &request->fields[field];
    return value->times == 1 && !value->too_long ? value->text : NULL;
}
