// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading.
 *
 * Loading goes up from the ground: caches, namespaces, then the protocol, so
 * that whoever can reach Ferry finds it whole.  Unloading goes the other way;
 * it starts only when no socket is open, since each one holds the module.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "ferry.h"

struct kmem_cache *ferry_request_cache;
struct kmem_cache *ferry_timewait_cache;

/* The hashes are read under RCU alone, so a slot keeps its type. */
static int __init create_caches(void)
{
	ferry_request_cache =
		kmem_cache_create("ferry_request",
				  sizeof(struct ferry_request_sock), 0,
				  SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT |
				  SLAB_TYPESAFE_BY_RCU,
				  NULL);
	if (!ferry_request_cache)
		return -ENOMEM;

	ferry_timewait_cache =
		kmem_cache_create("ferry_timewait",
				  sizeof(struct ferry_timewait_sock), 0,
				  SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT |
				  SLAB_TYPESAFE_BY_RCU,
				  NULL);
	if (!ferry_timewait_cache) {
		kmem_cache_destroy(ferry_request_cache);
		return -ENOMEM;
	}
	return 0;
}

static void destroy_caches(void)
{
	kmem_cache_destroy(ferry_timewait_cache);
	kmem_cache_destroy(ferry_request_cache);
}

static int __init ferry_init(void)
{
	int err;

	BUILD_BUG_ON(sizeof(struct ferry_skb_cb) >
		     sizeof_field(struct sk_buff, cb));

	if (ferry_protocol != IPPROTO_FERRY &&
	    ferry_protocol != IPPROTO_FERRY + 1) {
		pr_err("protocol=%u: must be 253 or 254\n", ferry_protocol);
		return -EINVAL;
	}

	ferry_hash_seed();
	ferry_request_seed();
	err = create_caches();
	if (err)
		return err;
	err = ferry_cong_register_builtin();
	if (err)
		goto caches;
	err = ferry_netns_init();
	if (err)
		goto cong;
	err = ferry_proto_init();
	if (err)
		goto netns;
	err = ferry_offload_init();
	if (err)
		goto proto;
	err = ferry_ipv4_init();
	if (err)
		goto offload;
	err = ferry_ipv6_init();
	if (err)
		goto ipv4;
	err = ferry_socket_offer();
	if (err)
		goto ipv6;
	return 0;

ipv6:
	ferry_ipv6_exit();
ipv4:
	ferry_ipv4_exit();
offload:
	ferry_offload_exit();
proto:
	ferry_proto_exit();
netns:
	ferry_netns_exit();
cong:
	ferry_cong_unregister_builtin();
caches:
	destroy_caches();
	return err;
}

static void __exit ferry_exit(void)
{
	ferry_socket_withdraw();
	ferry_ipv6_exit();
	ferry_ipv4_exit();
	ferry_offload_exit();
	ferry_proto_exit();
	ferry_netns_exit();
	ferry_cong_unregister_builtin();
	destroy_caches();
	ferry_pages_exit();
}

module_init(ferry_init);
module_exit(ferry_exit);

module_param_named(protocol, ferry_protocol, byte, 0444);
MODULE_PARM_DESC(protocol, "IP protocol number: 253 (default) or 254");
MODULE_DESCRIPTION("Ferry: a TCP-class reliable byte stream");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
/* AF_INET and AF_INET6, SOCK_STREAM: socket() loads the module by itself. */
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET, 253, 1);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET6, 253, 1);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET, 254, 1);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET6, 254, 1);
