// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A connection that is made again whenever it is lost.
 *
 * Before each attempt there is a pause, twice as long as the one before up to a
 * most, so that a server that is gone is not asked all the time.  A part of it
 * is left to chance: of a thousand clients that lost their server in one moment
 * not all shall come back in one moment.
 *
 * A server that accepts and closes at once is as little use as one that does
 * not answer.  So the pauses begin anew only after a connection that has lasted
 * longer than the longest of them.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "inside.h"

static const struct ferry_backoff usual = {
	.first_ms = 500,
	.most_ms = 60000,
	.attempt_ms = 10000,
};

struct ferry_reconnect {
	char *host, *port;
	int protocol;
	struct ferry_backoff backoff;
	unsigned int failures;	/* in a row */
	int error;		/* of the last of them */
	struct ferry_dial *dial;	/* while an attempt goes on */
	long long next;		/* when the next one may start */
	bool up;
	long long since;	/* when it came up */
};

int backoff_delay(const struct ferry_backoff *backoff, unsigned int failures,
		  unsigned int random)
{
	int delay = backoff->first_ms;

	while (failures-- && delay < backoff->most_ms)
		delay = delay < backoff->most_ms / 2 ? delay * 2
						     : backoff->most_ms;
	if (delay > backoff->most_ms)
		delay = backoff->most_ms;
	/* From half of it to all of it. */
	return delay - random % (delay / 2 + 1);
}

static unsigned int chance(void)
{
	unsigned int number;

	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) !=
	    sizeof(number))
		number = ferry_now();
	return number;
}

struct ferry_reconnect *ferry_reconnect_new(const char *host, const char *port,
					    int protocol,
					    const struct ferry_backoff *backoff)
{
	struct ferry_reconnect *r;

	if (!backoff)
		backoff = &usual;
	if (backoff->first_ms <= 0 || backoff->most_ms < backoff->first_ms) {
		errno = EINVAL;
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->host = host ? strdup(host) : NULL;
	r->port = strdup(port);
	if ((host && !r->host) || !r->port) {
		ferry_reconnect_free(r);
		errno = ENOMEM;
		return NULL;
	}
	r->protocol = protocol;
	r->backoff = *backoff;
	return r;
}

void ferry_reconnect_free(struct ferry_reconnect *r)
{
	if (!r)
		return;
	ferry_dial_free(r->dial);
	free(r->host);
	free(r->port);
	free(r);
}

/* Another attempt, after a pause. */
static void again(struct ferry_reconnect *r)
{
	r->next = ferry_now() +
		  backoff_delay(&r->backoff, r->failures, chance());
	r->failures++;
}

static int attempt(struct ferry_reconnect *r)
{
	int fd;

	if (!r->dial)
		r->dial = ferry_dial_new(r->host, r->port,
					 r->backoff.attempt_ms, r->protocol);
	fd = r->dial ? ferry_dial_step(r->dial) : -1;
	if (fd < 0 && errno == EINPROGRESS)
		return -1;
	if (fd < 0) {
		r->error = errno;
		again(r);
	}
	ferry_dial_free(r->dial);
	r->dial = NULL;
	return fd;
}

int ferry_reconnect_step(struct ferry_reconnect *r)
{
	int fd = -1;

	if (r->up) {
		errno = EISCONN;
		return -1;
	}
	if (r->dial || ferry_now() >= r->next)
		fd = attempt(r);
	if (fd < 0) {
		errno = EINPROGRESS;
		return -1;
	}
	r->up = true;
	r->since = ferry_now();
	return fd;
}

void ferry_reconnect_lost(struct ferry_reconnect *r)
{
	if (!r->up)
		return;
	r->up = false;
	if (ferry_now() - r->since > r->backoff.most_ms)
		r->failures = 0;
	again(r);
}

int ferry_reconnect_error(const struct ferry_reconnect *r)
{
	return r->error;
}

void ferry_reconnect_wants(const struct ferry_reconnect *r,
			   struct ferry_wants *wants)
{
	if (r->dial) {
		ferry_dial_wants(r->dial, wants);
		return;
	}
	wants->fd = -1;
	wants->events = POLLIN;
	wants->deadline = r->up ? -1 : r->next;
}
