// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kinds of frames that a stream knows, each with functions of its own.
 */
#include <string.h>

#include "inside.h"

static const struct framing messages = { .kind = FRAME_MESSAGE };
static const struct framing lines = { .kind = FRAME_LINE };

static int delimited(struct framing *how, const void *delimiter, size_t size)
{
	if (!size || size > FERRY_DELIMITER_MAX) {
		errno = EINVAL;
		return -1;
	}
	*how = (struct framing){ .kind = FRAME_UNTIL, .size = size };
	memcpy(how->delimiter, delimiter, size);
	return 0;
}

int ferry_stream_get_message(struct ferry_stream *s, const void **message,
			     size_t *len)
{
	const char *payload;
	int ret = stream_get(s, &messages, &payload, len);

	if (ret == 1)
		*message = payload;
	return ret;
}

int ferry_stream_put_message(struct ferry_stream *s, const void *message,
			     size_t len)
{
	return stream_put(s, &messages, message, len);
}

int ferry_stream_get_line(struct ferry_stream *s, const char **line,
			  size_t *len)
{
	return stream_get(s, &lines, line, len);
}

int ferry_stream_put_line(struct ferry_stream *s, const char *line, size_t len)
{
	return stream_put(s, &lines, line, len);
}

int ferry_stream_get_until(struct ferry_stream *s, const void *delimiter,
			   size_t delimiter_len, const char **text, size_t *len)
{
	struct framing how;

	if (delimited(&how, delimiter, delimiter_len))
		return -1;
	return stream_get(s, &how, text, len);
}

int ferry_stream_put_until(struct ferry_stream *s, const void *delimiter,
			   size_t delimiter_len, const char *text, size_t len)
{
	struct framing how;

	if (delimited(&how, delimiter, delimiter_len))
		return -1;
	return stream_put(s, &how, text, len);
}

int ferry_stream_get_bytes(struct ferry_stream *s, const void **bytes,
			   size_t size)
{
	const struct framing how = { .kind = FRAME_FIXED, .size = size };
	const char *payload;
	size_t len;
	int ret;

	ret = stream_get(s, &how, &payload, &len);
	if (ret == 1)
		*bytes = payload;
	return ret;
}

int ferry_stream_put_bytes(struct ferry_stream *s, const void *bytes,
			   size_t size)
{
	const struct framing how = { .kind = FRAME_FIXED, .size = size };

	return size ? stream_put(s, &how, bytes, size) : 0;
}
