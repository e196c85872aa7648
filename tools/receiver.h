/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that reads for one stream, beside the thread of the stream's loop, which sends.
 *
 * It takes DATA apart by itself. When reading comes to anything else, it rests, and the stream's
 * own thread is asked to run: that deals with it and has it go on. So whoever looks at what reading
 * has left behind does so while nothing is read.
 *
 * All calls are the stream's own thread's.
 */
#ifndef WEIR_TOOLS_RECEIVER_H
#define WEIR_TOOLS_RECEIVER_H

#include "stream.h"

/* Begins to read. NULL: fault. */
struct receiver *receiver_start(struct stream *stream, struct fault *fault);

/* False: it is at work. Else it rests because of `news`, and does so until receiver_go_on. */
bool receiver_news(struct receiver *receiver, struct news *news);
void receiver_go_on(struct receiver *receiver);

/* Between these two nothing is read, nor answered: for a look at what answers change, too. */
void receiver_hold(struct receiver *receiver);
void receiver_release(struct receiver *receiver);

/* Ends the thread, waits for that, and frees. `news`: why it rested; NEWS_NOTHING: it did not. */
void receiver_stop(struct receiver *receiver, struct news *news);

#endif
