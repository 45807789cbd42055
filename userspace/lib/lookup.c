// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Looking a name up without waiting for it.
 *
 * getaddrinfo() waits for name servers for as long as it likes and cannot be
 * called off.  So it runs in a thread of its own, which writes to an eventfd
 * when it has an answer.  Who asked may lose interest before: the lookup then
 * belongs to the thread alone, and goes when getaddrinfo() returns.  A numeric
 * address needs neither thread nor waiting.
 *
 * Both sides share the lookup.  All but refs and done is written before the
 * thread starts, or by the thread before it sets done.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "inside.h"

struct lookup {
	atomic_int refs;
	atomic_bool done;
	int fd;			/* the eventfd */
	int err;		/* an errno, or 0 and ... */
	struct addrinfo *list;
	char *port;		/* in the same piece of memory as host */
	char host[];
};

int resolve(const char *host, const char *port, int flags,
	    struct addrinfo **list)
{
	/*
	 * Resolvers know TCP and not Ferry: ask for stream sockets; the
	 * protocol comes with socket().
	 */
	struct addrinfo hints = {
		.ai_flags = flags,
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_protocol = IPPROTO_TCP,
	};

	switch (getaddrinfo(host, port, &hints, list)) {
	case 0:
		return 0;
	case EAI_SYSTEM:
		return -1;
	case EAI_AGAIN:
		errno = EAGAIN;
		return -1;
	case EAI_MEMORY:
		errno = ENOMEM;
		return -1;
	case EAI_SERVICE:
		errno = EINVAL;
		return -1;
	default:
		errno = ENOENT;
		return -1;
	}
}

static void finish(struct lookup *l, int ret)
{
	l->err = ret ? errno : 0;
	atomic_store(&l->done, true);
}

static void *ask(void *arg)
{
	struct lookup *l = arg;
	int ret;

	/*
	 * Families that this host has no address of are left out, unless that
	 * leaves nothing: the loopback addresses do not count there.
	 */
	ret = resolve(l->host, l->port, AI_ADDRCONFIG, &l->list);
	if (ret && errno == ENOENT)
		ret = resolve(l->host, l->port, 0, &l->list);
	finish(l, ret);
	eventfd_write(l->fd, 1);
	lookup_drop(l);
	return NULL;
}

/* The program's signals are not for this thread. */
static int start_thread(struct lookup *l)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = pthread_create(&thread, &attr, ask, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

struct lookup *lookup_start(const char *host, const char *port)
{
	size_t host_size = host ? strlen(host) + 1 : 0;
	struct lookup *l;
	int err;

	l = calloc(1, sizeof(*l) + host_size + strlen(port) + 1);
	if (!l)
		return NULL;
	l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->fd < 0)
		goto failed;
	atomic_init(&l->refs, 1);
	if (!resolve(host, port, AI_NUMERICHOST, &l->list)) {
		finish(l, 0);
	} else if (errno != ENOENT || !host) {
		finish(l, -1);
	} else {
		memcpy(l->host, host, host_size);
		l->port = strcpy(l->host + host_size, port);
		atomic_store(&l->refs, 2);
		err = start_thread(l);
		if (err) {
			errno = err;
			goto failed;
		}
		return l;
	}
	eventfd_write(l->fd, 1);
	return l;
failed:
	err = errno;
	if (l->fd >= 0)
		close(l->fd);
	free(l);
	errno = err;
	return NULL;
}

int lookup_fd(const struct lookup *l)
{
	return l->fd;
}

int lookup_result(const struct lookup *l, struct addrinfo **list)
{
	if (!atomic_load(&l->done)) {
		errno = EINPROGRESS;
		return -1;
	}
	if (l->err) {
		errno = l->err;
		return -1;
	}
	*list = l->list;
	return 0;
}

void lookup_drop(struct lookup *l)
{
	if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	if (l->list)
		freeaddrinfo(l->list);
	close(l->fd);
	free(l);
}
