/* SPDX-License-Identifier: BSD-2-Clause */
#include "http_answer.h"

#include "http_fields.h"
#include "http_file.h"
#include "http_listing.h"
#include "http_path.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A method that was read to its end; of a request that broke off before, nothing is known. */
static bool is_head(const struct http_request *request)
{
    return request->target_len > 0 && request->parser.method == HTTP_HEAD;
}

static void add_field(struct text *t, const char *name, const char *value)
{
    text_add(t, name);
    text_add(t, ": ");
    text_add(t, value);
    text_add(t, "\r\n");
}

/* Status line and the fields of every answer. */
static void begin_head(struct http_answer *answer, const struct http_request *request,
                       unsigned status, time_t now)
{
    struct text *t = &answer->text;
    text_clear(t);
    answer->status = status;
    text_add(t, "HTTP/1.1 ");
    text_add_number(t, status);
    text_add(t, " ");
    text_add(t, http_status_str((enum http_status)status));
    text_add(t, "\r\n");
    add_field(t, "Date", http_date_show(now).text);
    add_field(t, "Server", "weir");
    if (!answer->keep_alive) {
        add_field(t, "Connection", "close");
    } else if (request->parser.http_minor == 0) {
        add_field(t, "Connection", "keep-alive");
    }
}

static void add_length(struct text *t, uint64_t length)
{
    text_add(t, "Content-Length: ");
    text_add_number(t, length);
    text_add(t, "\r\n");
}

static void end_head(struct http_answer *answer)
{
    text_add(&answer->text, "\r\n");
    answer->head_len = answer->text.len;
}

/* An answer whose body only says its status. Nothing of the request comes back in it. */
static void say_status(struct http_answer *answer, const struct http_request *request,
                       unsigned status, const char *field, const char *value)
{
    struct text *t = &answer->text;
    const char *words = http_status_str((enum http_status)status);
    begin_head(answer, request, status, time(NULL));
    if (field != NULL) {
        add_field(t, field, value);
    }
    add_field(t, "Content-Type", "text/plain; charset=utf-8");
    add_field(t, "X-Content-Type-Options", "nosniff");
    add_length(t, 3 + 1 + strlen(words) + 1);
    end_head(answer);
    if (!is_head(request)) {
        text_add_number(t, status);
        text_add(t, " ");
        text_add(t, words);
        text_add(t, "\n");
    }
}

static void say_error(struct http_answer *answer, const struct http_request *request, int error)
{
    unsigned status = HTTP_STATUS_INTERNAL_SERVER_ERROR;
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV: /* it leads out of the directory */
    case ENAMETOOLONG:
    case EINVAL:
    case ENXIO:
        status = HTTP_STATUS_NOT_FOUND;
        break;
    case EACCES:
    case EPERM:
        status = HTTP_STATUS_FORBIDDEN;
        break;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
        status = HTTP_STATUS_SERVICE_UNAVAILABLE;
        break;
    default:
        break;
    }
    say_status(answer, request, status, NULL, NULL);
}

/* The conditions of RFC 9110 section 13.2.2, steps 1 to 4: the status to answer with, or 0. */
static unsigned check_conditions(const struct http_request *request, const struct http_etag *etag,
                                 time_t modified)
{
    const struct http_value *fields = request->fields;
    const char *value = http_request_field(request, HTTP_FIELD_IF_MATCH);
    time_t when = 0;
    if (fields[HTTP_FIELD_IF_MATCH].times > 0) {
        if (value == NULL || !http_etag_listed(value, etag, true)) {
            return HTTP_STATUS_PRECONDITION_FAILED;
        }
    } else {
        value = http_request_field(request, HTTP_FIELD_IF_UNMODIFIED_SINCE);
        if (value != NULL && http_date_parse(value, &when) && modified > when) {
            return HTTP_STATUS_PRECONDITION_FAILED;
        }
    }
    value = http_request_field(request, HTTP_FIELD_IF_NONE_MATCH);
    if (fields[HTTP_FIELD_IF_NONE_MATCH].times > 0) {
        return value != NULL && http_etag_listed(value, etag, false) ? HTTP_STATUS_NOT_MODIFIED : 0;
    }
    value = http_request_field(request, HTTP_FIELD_IF_MODIFIED_SINCE);
    if (value != NULL && http_date_parse(value, &when) && modified <= when) {
        return HTTP_STATUS_NOT_MODIFIED;
    }
    return 0;
}

/* Step 5: the part of the file to send. */
static enum http_range_answer choose_range(const struct http_request *request,
                                           const struct http_etag *etag, uint64_t size,
                                           uint64_t *begin, uint64_t *end)
{
    const char *range = http_request_field(request, HTTP_FIELD_RANGE);
    const char *condition = http_request_field(request, HTTP_FIELD_IF_RANGE);
    *begin = 0;
    *end = size;
    /* Ranges are defined for GET only (RFC 9110 section 14.2). */
    if (range == NULL || request->parser.method != HTTP_GET) {
        return HTTP_RANGE_WHOLE;
    }
    /* A date in If-Range never matches: it cannot tell two changes within one second apart, and
     * every file has an entity tag here. */
    if (request->fields[HTTP_FIELD_IF_RANGE].times > 0 &&
        (condition == NULL || strcmp(condition, etag->text) != 0 || etag->weak)) {
        return HTTP_RANGE_WHOLE;
    }
    return http_range_parse(range, size, begin, end);
}

static void add_validators(struct text *t, const struct http_etag *etag, time_t modified)
{
    add_field(t, "ETag", etag->text);
    add_field(t, "Last-Modified", http_date_show(modified).text);
    /* May be kept, but not shown again without asking: files change under the server. */
    add_field(t, "Cache-Control", "no-cache");
    add_field(t, "Accept-Ranges", "bytes");
}

/* "bytes 0-499/1234", or "bytes" and a star over the size when nothing of it is sent */
static void add_content_range(struct text *t, const uint64_t part[2], uint64_t size)
{
    text_add(t, "Content-Range: bytes ");
    if (part == NULL) {
        text_add(t, "*");
    } else {
        text_add_number(t, part[0]);
        text_add(t, "-");
        text_add_number(t, part[1] - 1);
    }
    text_add(t, "/");
    text_add_number(t, size);
    text_add(t, "\r\n");
}

/* Answers with an open regular file, which it takes over. */
static void send_file(struct http_answer *answer, const struct http_request *request,
                      const struct http_file *file, const char *name)
{
    struct text *t = &answer->text;
    time_t now = time(NULL);
    /* "An origin server with a clock MUST NOT generate a Last-Modified date that is later than the
     * server's time of message origination" (RFC 9110 section 8.8.2.1) */
    time_t modified = file->st.st_mtime < now ? file->st.st_mtime : now;
    uint64_t size = (uint64_t)file->st.st_size;
    struct http_etag etag = http_etag_of(&file->st, now);
    uint64_t part[2] = {0, size};
    answer->file = file->fd;
    unsigned status = check_conditions(request, &etag, modified);
    if (status == HTTP_STATUS_PRECONDITION_FAILED) {
        say_status(answer, request, status, NULL, NULL);
        return;
    }
    if (status == HTTP_STATUS_NOT_MODIFIED) {
        begin_head(answer, request, status, now);
        add_validators(t, &etag, modified);
        end_head(answer);
        return;
    }
    enum http_range_answer range = choose_range(request, &etag, size, &part[0], &part[1]);
    if (range == HTTP_RANGE_NONE) {
        begin_head(answer, request, HTTP_STATUS_RANGE_NOT_SATISFIABLE, now);
        add_content_range(t, NULL, size);
        add_length(t, 0);
        end_head(answer);
        return;
    }
    begin_head(answer, request,
               range == HTTP_RANGE_PART ? HTTP_STATUS_PARTIAL_CONTENT : HTTP_STATUS_OK, now);
    add_validators(t, &etag, modified);
    if (range == HTTP_RANGE_PART) {
        add_content_range(t, part, size);
    }
    add_field(t, "Content-Type", http_type_of(name));
    add_field(t, "X-Content-Type-Options", "nosniff");
    add_length(t, part[1] - part[0]);
    end_head(answer);
    if (!is_head(request)) {
        answer->offset = part[0];
        answer->end = part[1];
    }
}

/* The same directory, with the slash that makes links in it work. */
static void send_to_slash(struct http_answer *answer, const struct http_request *request,
                          const char *name)
{
    struct text location = {0};
    /* Made from what was opened, not from what was asked: "//host" would lead elsewhere. */
    text_add(&location, "/");
    text_add_url(&location, name);
    text_add(&location, "/");
    text_add_bytes(&location, "", 1);
    if (location.failed) {
        say_error(answer, request, ENOMEM);
    } else {
        say_status(answer, request, HTTP_STATUS_MOVED_PERMANENTLY, "Location", location.data);
    }
    text_free(&location);
}

/* Answers with the names in an open directory, which it takes over. */
static void send_listing(struct http_answer *answer, const struct http_request *request, int fd,
                         const char *name)
{
    struct text page = {0};
    int error = http_listing_add(&page, fd, name);
    if (error != 0) {
        say_error(answer, request, error);
        text_free(&page);
        return;
    }
    begin_head(answer, request, HTTP_STATUS_OK, time(NULL));
    add_field(&answer->text, "Cache-Control", "no-cache");
    add_field(&answer->text, "Content-Type", "text/html; charset=utf-8");
    add_field(&answer->text, "X-Content-Type-Options", "nosniff");
    add_length(&answer->text, page.len);
    end_head(answer);
    if (!is_head(request)) {
        text_add_bytes(&answer->text, page.data, page.len);
    }
    text_free(&page);
}

static void send_directory(struct http_answer *answer, const struct http_request *request, int root,
                           int fd, const struct http_path *path)
{
    static const char index[] = "index.html";
    struct http_file file;
    if (!path->slash) {
        (void)close(fd);
        send_to_slash(answer, request, path->name);
        return;
    }
    /* By its whole name from the root: a link must not lead out of that. */
    struct http_path inner = *path;
    size_t len = strlen(inner.name);
    if (len + 1 + sizeof index <= sizeof inner.name) {
        if (len > 0) {
            inner.name[len++] = '/';
        }
        memcpy(inner.name + len, index, sizeof index);
        int error = http_file_open(root, inner.name, &file);
        if (error == 0 && S_ISREG(file.st.st_mode)) {
            (void)close(fd);
            send_file(answer, request, &file, index);
            return;
        }
        if (error == 0) {
            (void)close(file.fd); /* a directory of that name is one like any other */
        } else if (error != ENOENT) {
            (void)close(fd);
            say_error(answer, request, error);
            return;
        }
    }
    send_listing(answer, request, fd, path->name);
}

void http_answer_make(struct http_answer *answer, int root, const struct http_request *request)
{
    struct http_path path;
    struct http_file file;
    answer->file = -1;
    answer->offset = answer->end = 0;
    answer->keep_alive = request->keep_alive;
    switch (http_path_from_target(request->target, request->target_len, &path)) {
    case HTTP_PATH_BAD:
        say_status(answer, request, HTTP_STATUS_BAD_REQUEST, NULL, NULL);
        return;
    case HTTP_PATH_NONE:
        say_status(answer, request, HTTP_STATUS_NOT_FOUND, NULL, NULL);
        return;
    case HTTP_PATH_OK:
        break;
    }
    int error = http_file_open(root, path.name, &file);
    if (error != 0) {
        say_error(answer, request, error);
    } else if (S_ISDIR(file.st.st_mode)) {
        send_directory(answer, request, root, file.fd, &path);
    } else if (path.slash) {
        (void)close(file.fd);
        say_status(answer, request, HTTP_STATUS_NOT_FOUND, NULL, NULL);
    } else {
        send_file(answer, request, &file, path.name);
    }
}

void http_answer_refuse(struct http_answer *answer, const struct http_request *request,
                        unsigned status)
{
    bool method = status == HTTP_STATUS_METHOD_NOT_ALLOWED;
    answer->file = -1;
    answer->offset = answer->end = 0;
    answer->keep_alive = false;
    say_status(answer, request, status, method ? "Allow" : NULL, "GET, HEAD");
}

void http_answer_end(struct http_answer *answer)
{
    if (answer->file >= 0) {
        (void)close(answer->file);
        answer->file = -1;
    }
    text_clear(&answer->text);
    answer->head_len = 0;
}
