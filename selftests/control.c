// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control messages that hold one number; see control.h.
 */
#include <string.h>

#include "control.h"

void control_int(struct control *c, int level, int type, int value)
{
	memset(c, 0, sizeof(*c));
	c->msg.msg_control = c->room;
	c->msg.msg_controllen = sizeof(c->room);
	c->head.cmsg_level = level;
	c->head.cmsg_type = type;
	c->head.cmsg_len = CMSG_LEN(sizeof(value));
	memcpy(CMSG_DATA(&c->head), &value, sizeof(value));
}

ssize_t give_fd(int box, int fd, int flags)
{
	struct iovec iov = { "", 1 };
	struct control c;

	control_int(&c, SOL_SOCKET, SCM_RIGHTS, fd);
	c.msg.msg_iov = &iov;
	c.msg.msg_iovlen = 1;
	return sendmsg(box, &c.msg, flags);
}

int take_fd(int box, int flags)
{
	struct cmsghdr *head;
	struct control c;
	char byte;
	struct iovec iov = { &byte, 1 };
	int fd;

	control_int(&c, 0, 0, 0);
	c.msg.msg_iov = &iov;
	c.msg.msg_iovlen = 1;
	if (recvmsg(box, &c.msg, flags) < 0)
		return -1;
	head = CMSG_FIRSTHDR(&c.msg);
	if (!head)
		return -2;
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}
