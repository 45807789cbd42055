// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A queue of bytes in one piece of memory, which grows with what is in it and
 * not with what somebody has announced.
 */
#include <stdlib.h>
#include <string.h>

#include "inside.h"

#define FIRST_SIZE	4096

int buffer_reserve(struct buffer *b, size_t need, size_t max)
{
	size_t used = buffer_used(b), size = b->size * 2;
	char *data;

	if (b->size - b->end >= need)
		return 0;
	if (b->start) {
		memmove(b->data, b->data + b->start, used);
		b->start = 0;
		b->end = used;
		if (b->size - used >= need)
			return 0;
	}
	if (size < FIRST_SIZE)
		size = FIRST_SIZE;
	if (size < used + need)
		size = used + need;
	if (size > max)
		size = max;
	data = size - used < need ? NULL : realloc(b->data, size);
	if (!data) {
		errno = ENOMEM;
		return -1;
	}
	b->data = data;
	b->size = size;
	return 0;
}
