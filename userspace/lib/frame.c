// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Where a frame ends in a stream of bytes, and how to write one.
 *
 * Nothing here knows sockets: frame_find() looks at what has come so far and
 * says whether there is a whole frame.  Its input is a peer's, which may lie:
 * no length that it names is believed beyond the limit, and no byte is looked
 * at twice however slowly they come.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "inside.h"

static int too_long(void)
{
	errno = EMSGSIZE;
	return -1;
}

static int find_fixed(size_t size, size_t len, size_t limit,
		      struct frame *frame)
{
	if (size > limit)
		return too_long();
	frame->len = size;
	frame->all = size;
	return len >= size;
}

static int find_message(const char *data, size_t len, size_t limit,
			struct frame *frame)
{
	uint32_t head;

	if (len < FRAME_HEAD)
		return 0;
	memcpy(&head, data, FRAME_HEAD);
	head = ntohl(head);
	frame->head = FRAME_HEAD;
	frame->all = FRAME_HEAD;
	if (head == FRAME_BEAT) {
		frame->beat = true;
		return 1;
	}
	if (head > limit)
		return too_long();
	frame->len = head;
	frame->all += head;
	return len >= frame->all;
}

/* @around: how much longer than its payload a frame may be. */
static int find_end(const char *data, size_t len, size_t limit,
		    const char *end, size_t end_len, size_t around,
		    size_t *scanned, struct frame *frame)
{
	const char *at = memmem(data + *scanned, len - *scanned, end, end_len);

	if (at) {
		frame->len = at - data;
		frame->all = frame->len + end_len;
		return 1;
	}
	/* The end may have begun to come. */
	if (len >= end_len)
		*scanned = len - (end_len - 1);
	return len < limit + around ? 0 : too_long();
}

int frame_find(const struct framing *how, const char *data, size_t len,
	       size_t limit, size_t *scanned, struct frame *frame)
{
	int ret;

	memset(frame, 0, sizeof(*frame));
	switch (how->kind) {
	case FRAME_FIXED:
		return find_fixed(how->size, len, limit, frame);
	case FRAME_MESSAGE:
		return find_message(data, len, limit, frame);
	case FRAME_LINE:
		ret = find_end(data, len, limit, "\n", 1, 2, scanned, frame);
		if (ret == 1 && frame->len && data[frame->len - 1] == '\r')
			frame->len--;
		break;
	default:
		ret = find_end(data, len, limit, how->delimiter, how->size,
			       how->size, scanned, frame);
	}
	return ret == 1 && frame->len > limit ? too_long() : ret;
}

size_t frame_make(const struct framing *how, char *to, const void *payload,
		  size_t len)
{
	uint32_t head = htonl(len);
	struct frame frame;
	size_t all = 0, scanned = 0;

	if (how->kind == FRAME_MESSAGE) {
		memcpy(to, &head, FRAME_HEAD);
		all = FRAME_HEAD;
	}
	if (len)
		memcpy(to + all, payload, len);
	all += len;
	if (how->kind == FRAME_LINE) {
		to[all++] = '\n';
	} else if (how->kind == FRAME_UNTIL) {
		memcpy(to + all, how->delimiter, how->size);
		all += how->size;
	}
	/* What is sent is what will be received, or is not sent. */
	if (frame_find(how, to, all, len, &scanned, &frame) != 1 ||
	    frame.len != len || frame.all != all || frame.beat)
		return 0;
	return all;
}
