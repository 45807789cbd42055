// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Whether the peer lives.
 *
 * A stream on which nothing has to be said looks like one whose peer has lost
 * its power.  So each side says that it lives when it has said nothing else for
 * a while, and neither answers: who has heard nothing at all for long enough
 * takes the other one for dead.  Anything that is sent or comes counts.
 *
 * Keep-alive (SO_KEEPALIVE) asks the peer's kernel; this asks its program.
 */
#include "inside.h"

void heartbeat_start(struct heartbeat *beat, int every_ms, int dead_ms,
		     long long now)
{
	beat->every_ms = every_ms;
	beat->dead_ms = dead_ms;
	beat->sent = now;
	beat->heard = now;
}

bool heartbeat_due(const struct heartbeat *beat, long long now)
{
	return beat->every_ms && now - beat->sent >= beat->every_ms;
}

bool heartbeat_dead(const struct heartbeat *beat, long long now)
{
	return beat->every_ms && now - beat->heard >= beat->dead_ms;
}

long long heartbeat_deadline(const struct heartbeat *beat, bool sending)
{
	long long dead_at = beat->heard + beat->dead_ms;

	if (!beat->every_ms)
		return -1;
	/* What is being sent is sign enough, once there is room for it. */
	return sending ? dead_at : earlier(beat->sent + beat->every_ms, dead_at);
}
