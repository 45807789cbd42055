// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * BPF programs at a device's two ends, ingress and egress, by netlink.
 *
 * A program is a filter of the clsact queueing discipline, which is made if it
 * is not there and stays: others may use it as well.  Ours has a place of its
 * own there, by which it is found again.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tc.h"

#define PRIORITY 253
#define HANDLE 1

struct request {
	struct nlmsghdr header;
	struct tcmsg tc;
	char attributes[256];
};

static void start(struct request *r, int type, int flags, int ifindex)
{
	memset(r, 0, sizeof(*r));
	r->header.nlmsg_len = NLMSG_LENGTH(sizeof(r->tc));
	r->header.nlmsg_type = type;
	r->header.nlmsg_flags = NLM_F_REQUEST | flags;
	r->tc.tcm_family = AF_UNSPEC;
	r->tc.tcm_ifindex = ifindex;
}

static void start_filter(struct request *r, int type, int flags, int ifindex,
			 bool egress)
{
	start(r, type, flags, ifindex);
	r->tc.tcm_parent = TC_H_MAKE(TC_H_CLSACT,
				     egress ? TC_H_MIN_EGRESS :
					      TC_H_MIN_INGRESS);
	r->tc.tcm_info = TC_H_MAKE(PRIORITY << 16, htons(ETH_P_ALL));
	r->tc.tcm_handle = HANDLE;
}

static struct rtattr *put(struct request *r, int type, const void *data,
			  int len)
{
	struct rtattr *a = (void *)((char *)r +
				    NLMSG_ALIGN(r->header.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	r->header.nlmsg_len = NLMSG_ALIGN(r->header.nlmsg_len) +
			      RTA_ALIGN(a->rta_len);
	return a;
}

/* Send it and give every message that answers to @each, if there is one. */
static int talk(struct request *r,
		void (*each)(const struct nlmsghdr *h, void *arg), void *arg)
{
	static struct nlmsghdr buf[(1 << 15) / sizeof(struct nlmsghdr)];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int err = EPROTO;
	bool done = false;

	if (fd < 0)
		return -1;
	if (send(fd, r, r->header.nlmsg_len, 0) < 0) {
		err = errno;
		done = true;
	}
	while (!done) {
		int n = recv(fd, buf, sizeof(buf), 0);
		struct nlmsghdr *h = buf;

		if (n <= 0) {
			err = errno;
			break;
		}
		for (; NLMSG_OK(h, (unsigned int)n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE) {
				err = 0;
				done = true;
			} else if (h->nlmsg_type == NLMSG_ERROR) {
				err = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
				done = true;
			} else if (each) {
				each(h, arg);
			}
		}
	}
	close(fd);
	errno = err;
	return err ? -1 : 0;
}

static int make_clsact(int ifindex)
{
	struct request r;

	start(&r, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, ifindex);
	r.tc.tcm_parent = TC_H_CLSACT;
	r.tc.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	put(&r, TCA_KIND, "clsact", sizeof("clsact"));
	return talk(&r, NULL, NULL) && errno != EEXIST ? -1 : 0;
}

int tc_attach(int ifindex, bool egress, int program, const char *name)
{
	__u32 flags = TCA_BPF_FLAG_ACT_DIRECT;
	struct rtattr *options;
	struct request r;

	if (make_clsact(ifindex))
		return -1;
	start_filter(&r, RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
		     ifindex, egress);
	put(&r, TCA_KIND, "bpf", sizeof("bpf"));
	options = put(&r, TCA_OPTIONS, NULL, 0);
	put(&r, TCA_BPF_FD, &program, sizeof(program));
	put(&r, TCA_BPF_NAME, name, strlen(name) + 1);
	put(&r, TCA_BPF_FLAGS, &flags, sizeof(flags));
	options->rta_len = (char *)&r + r.header.nlmsg_len - (char *)options;
	return talk(&r, NULL, NULL);
}

int tc_detach(int ifindex, bool egress)
{
	struct request r;

	start_filter(&r, RTM_DELTFILTER, NLM_F_ACK, ifindex, egress);
	put(&r, TCA_KIND, "bpf", sizeof("bpf"));
	return talk(&r, NULL, NULL);
}

struct search {
	const char *name;
	__u32 id;
	bool found;
};

/* The attribute of that type in a row of them; NULL if there is none. */
static const struct rtattr *attribute(const struct rtattr *a, int len, int type)
{
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static void compare(const struct nlmsghdr *h, void *arg)
{
	const struct tcmsg *tc = NLMSG_DATA(h);
	const struct rtattr *options, *name, *id;
	struct search *s = arg;

	options = attribute(TCA_RTA(tc), TCA_PAYLOAD(h), TCA_OPTIONS);
	if (h->nlmsg_type != RTM_NEWTFILTER || !options)
		return;
	name = attribute(RTA_DATA(options), RTA_PAYLOAD(options),
			 TCA_BPF_NAME);
	id = attribute(RTA_DATA(options), RTA_PAYLOAD(options), TCA_BPF_ID);
	if (!name || !id || strcmp(RTA_DATA(name), s->name))
		return;
	s->id = *(__u32 *)RTA_DATA(id);
	s->found = true;
}

int tc_find(int ifindex, bool egress, const char *name, __u32 *id)
{
	struct search s = { .name = name };
	struct request r;

	start_filter(&r, RTM_GETTFILTER, NLM_F_DUMP, ifindex, egress);
	r.tc.tcm_handle = 0;
	if (talk(&r, compare, &s))
		return -1;
	*id = s.id;
	errno = ENOENT;
	return s.found ? 0 : -1;
}
