/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control messages that hold one number: options of a single sendmsg(), and
 * descriptors that one process gives to another.
 */
#ifndef FERRY_SELFTESTS_CONTROL_H
#define FERRY_SELFTESTS_CONTROL_H

#include <sys/socket.h>

/* A message with no bytes, and room for one control message. */
struct control {
	struct msghdr msg;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	};
};

/* Make it say @value; to receive, overwrite what is wanted of it. */
void control_int(struct control *c, int level, int type, int value);

/* Descriptor @fd through the Unix socket @box; what sendmsg() says. */
ssize_t give_fd(int box, int fd, int flags);
/* The one that has come; -1 and errno as recvmsg(), or -2 if it was none. */
int take_fd(int box, int flags);

#endif /* FERRY_SELFTESTS_CONTROL_H */
