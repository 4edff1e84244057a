/*
 * Look-ups. Most are answered at once; those of a directory whose names take long to look up (Members.slow) go to a worker.
 * Such a look-up may stick in a system call that no signal ends, in a file system that does not answer; so at an interrupt it
 * is answered by somebody else, and the worker, when it comes back, finds that nobody wants to know any more.
 */
#include <errno.h>

#include "backends/identity.h"
#include "backends/why.h"
#include "fs/caller.h"
#include "fs/operations.h"
#include "fs/reply.h"
#include "fs/worker.h"

/*
 * The tree above the objects never changes; objects come and go by other hands at any time. What a look-up says of one holds
 * only for the checks of rights that the kernel makes in the same breath (rounded up to a tick of its clock): each further
 * look-up says it anew.
 */
static const double forever = 3600, while_looking = 1, same_breath = 0.001;

double attributes_timeout(const Members *members)
{
	if (!members)
		return forever;
	return members->lasting ? same_breath : 0;
}

static double entry_timeout(const Found *found)
{
	if (node_parts_openers(found->row))
		return 0;
	if (row_is_member(found->row) && !found->members->lasting)
		return 0;
	return found->members ? while_looking : forever;
}

int entry_enter(fuse_req_t req, Node *directory, const Found *found, const struct stat *attributes,
		struct fuse_entry_param *out)
{
	Node *node = node_enter(directory, found, fuse_req_ctx(req)->uid, fuse_req_ctx(req)->pid);

	if (!node)
		return why_refuse(ENFILE, "too many names are in use");
	*out = (struct fuse_entry_param){
		.ino = node->slot,
		.attr = *attributes,
		.attr_timeout = found->members ? same_breath : forever,
		.entry_timeout = entry_timeout(found),
	};
	return 0;
}

/* Who looks a name up, and from where: what outlives the request. */
typedef struct Looker {
	Node *directory;
	Caller caller;
	gid_t *groups; /* the caller's, where they matter; owned */
} Looker;

static Looker looker_of(fuse_req_t req, Node *directory)
{
	const Members *members = directory->row->members;
	Looker looker = {.directory = directory, .caller = caller_of(req)};

	if (members && members->private)
		looker.groups = caller_groups(req, &looker.caller);
	return looker;
}

/* node_find(), as the caller where not everybody may see what is there. */
static int find_as(const Looker *looker, const char *name, Found *out)
{
	Node *directory = looker->directory;
	int result;

	if (!directory->row->members || !directory->row->members->private)
		return node_find(directory, name, out);
	result = identity_assume(&looker->caller);
	if (result < 0)
		return result;
	result = node_find(directory, name, out);
	identity_release();
	return result;
}

/* Finds a name, and its attributes. */
static int find(const Looker *looker, const char *name, Found *found, struct stat *attributes)
{
	ObjectStat stat;
	int result = find_as(looker, name, found);

	if (result < 0)
		return result;
	if (found->members) {
		result = found->members->stat(&found->object, &stat);
		if (result < 0)
			return result;
	}
	node_fill_stat(found, found->members ? &stat : NULL, attributes);
	return 0;
}

int entry_find(fuse_req_t req, Node *directory, const char *name, struct fuse_entry_param *out)
{
	const Looker looker = looker_of(req, directory);
	struct stat attributes;
	Found found;
	int result = find(&looker, name, &found, &attributes);

	g_free(looker.groups);
	return result < 0 ? result : entry_enter(req, directory, &found, &attributes, out);
}

void reply_entry(fuse_req_t req, const struct fuse_entry_param *entry)
{
	/* A caller that has gone will not forget what it never heard of. */
	if (fuse_reply_entry(req, entry) == -ENOENT)
		node_forget(node_get(entry->ino), 1);
}

/* That there is no such name is no refusal. */
static void reply_lookup(fuse_req_t req, Node *directory, const char *name, int result,
			 const struct fuse_entry_param *entry)
{
	if (result == 0)
		reply_entry(req, entry);
	else if (result != -ENOENT && why_noted())
		reply_refusal_at(req, directory, name, result, "look up");
	else
		fuse_reply_err(req, -result);
}

/* -- Look-ups that may take long -------------------------------------------------------------------------------------- */

enum { PENDING, CLAIMED };

typedef struct Slow {
	Looker looker; /* holds its directory */
	char *name;
	fuse_req_t req; /* belongs to who claims the look-up */
	int state;      /* atomic: PENDING, until the worker or an interrupt claims it */
	int refs;       /* atomic */
} Slow;

static bool claim(Slow *slow)
{
	return g_atomic_int_compare_and_exchange(&slow->state, PENDING, CLAIMED);
}

static void slow_unref(Slow *slow)
{
	if (!g_atomic_int_dec_and_test(&slow->refs))
		return;
	node_unref(slow->looker.directory);
	g_free(slow->looker.groups);
	g_free(slow->name);
	g_free(slow);
}

static void slow_find(void *data)
{
	Slow *slow = data;
	struct fuse_entry_param entry;
	struct stat attributes;
	Found found;
	int result;

	why_forget();
	result = find(&slow->looker, slow->name, &found, &attributes);
	if (claim(slow)) {
		fuse_req_interrupt_func(slow->req, NULL, NULL);
		if (result == 0)
			result = entry_enter(slow->req, slow->looker.directory, &found, &attributes, &entry);
		reply_lookup(slow->req, slow->looker.directory, slow->name, result, &entry);
	}
	slow_unref(slow);
}

static void slow_give_up(void *data)
{
	Slow *slow = data;

	fuse_req_interrupt_func(slow->req, NULL, NULL);
	fuse_reply_err(slow->req, EINTR);
	slow_unref(slow);
}

/* Runs under libfuse's lock of the request, and so must not answer itself. */
static void slow_interrupted(fuse_req_t req, void *data)
{
	Slow *slow = data;

	(void)req;
	if (!claim(slow))
		return;
	g_atomic_int_inc(&slow->refs);
	if (worker_run(slow_give_up, slow) < 0) {
		g_atomic_int_set(&slow->state, PENDING);
		g_atomic_int_add(&slow->refs, -1);
	}
}

static void slow_start(fuse_req_t req, Node *directory, const char *name)
{
	Slow *slow = g_new(Slow, 1);

	*slow = (Slow){.looker = looker_of(req, directory), .name = g_strdup(name), .req = req, .refs = 2};
	node_ref(directory);
	fuse_req_interrupt_func(req, slow_interrupted, slow);
	if (worker_run(slow_find, slow) < 0) {
		if (claim(slow)) {
			fuse_req_interrupt_func(req, NULL, NULL);
			fuse_reply_err(req, ENOMEM);
		}
		slow_unref(slow);
	}
	slow_unref(slow);
}

void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	Node *directory = node_get(parent);
	const Members *members = directory->row->members;
	struct fuse_entry_param entry;

	why_forget();
	if (members && members->slow)
		slow_start(req, directory, name);
	else
		reply_lookup(req, directory, name, entry_find(req, directory, name, &entry), &entry);
}

void on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	node_forget(node_get(ino), lookups);
	fuse_reply_none(req);
}

void on_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		node_forget(node_get(forgets[i].ino), forgets[i].nlookup);
	fuse_reply_none(req);
}
