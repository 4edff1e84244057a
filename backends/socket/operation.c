/*
 * Locking: an attempt is worked on by one thread at a time, which has set `driven` under the conversation lock and
 * works without it. Whoever else comes by is turned away, and is woken when that thread leaves without a result: it may
 * have come to tell of what that thread was too early for.
 */
#include "backends/socket/operation.h"

#include <errno.h>
#include <string.h>

#include "backends/core/host.h"
#include "backends/core/poller.h"
#include "backends/socket/bind.h"
#include "backends/socket/connect.h"
#include "backends/core/refusal.h"

struct SocketOp {
	Pending pending;
	int refs;     /* atomic */
	Entry *entry; /* held */
	SocketOpKind kind;
	unsigned options;       /* which state of them its socket has */
	Socket *bound;          /* held; to connect: the one that the conversation has already, or NULL */
	Connecting *connecting; /* owned; to connect. */
	Binding *binding;       /* owned; else. */

	/* Protected by the conversation lock. */
	bool driven;      /* a thread is at it */
	bool turned_away; /* another one came meanwhile */
	bool over;        /* with `result` */
	bool left;        /* nobody waits for it */
	int result;
	Wait wait; /* what it waits for, while nobody is at it */
};

/* The operation of a conversation, or NULL.  Called with the conversation lock held. */
static SocketOp *operation_of(const Conversation *conversation)
{
	return (SocketOp *)conversation->pending;
}

static Conversation *conversation_for(const SocketOp *attempt)
{
	return conversation_of(attempt->entry);
}

static SocketOp *socket_op_ref(SocketOp *attempt)
{
	g_atomic_int_inc(&attempt->refs);
	return attempt;
}

void socket_op_unref(SocketOp *attempt)
{
	if (!attempt || !g_atomic_int_dec_and_test(&attempt->refs))
		return;
	connecting_free(attempt->connecting);
	binding_free(attempt->binding);
	socket_unref(attempt->bound);
	conversation_unref(attempt->entry);
	g_free(attempt);
}

SocketOp *socket_op_of(const Entry *entry)
{
	const Conversation *conversation = conversation_of(entry);
	SocketOp *attempt;

	g_mutex_lock(&conversation_lock);
	attempt = conversation->pending ? socket_op_ref(operation_of(conversation)) : NULL;
	g_mutex_unlock(&conversation_lock);
	return attempt;
}

void socket_op_poll(const Entry *entry)
{
	SocketOp *attempt = socket_op_of(entry);

	if (attempt)
		socket_op_try(attempt);
	socket_op_unref(attempt);
}

/* -- Waiting -------------------------------------------------------------------------------------------------------- */

/* What it waits for next: only the thread that is at it may ask. */
static Wait wait_of(const SocketOp *attempt)
{
	Wait wait;

	if (attempt->connecting)
		connecting_wait(attempt->connecting, &wait);
	else
		conversation_wait(attempt->entry, &wait);
	return wait;
}

void socket_op_wait(SocketOp *attempt, Wait *out)
{
	bool driven;

	g_mutex_lock(&conversation_lock);
	*out = attempt->wait;
	driven = attempt->driven;
	/* The thread that is at it may just be done with what it has waited for; it wakes who was turned away. */
	attempt->turned_away |= driven;
	g_mutex_unlock(&conversation_lock);
	if (driven)
		conversation_wait(attempt->entry, out);
}

static void wake(const SocketOp *attempt, const Wait *wait)
{
	conversation_wake(attempt->entry);
	host_wake(wait->key);
}

/* -- Being ended by the conversation -------------------------------------------------------------------------------- */

static Pending *pending_take(Conversation *conversation)
{
	Pending *taken = g_steal_pointer(&conversation->pending);
	SocketOp *attempt = (SocketOp *)taken;

	attempt->over = true;
	attempt->result = -ECONNABORTED;
	return taken;
}

static void pending_ended(Pending *pending)
{
	SocketOp *attempt = (SocketOp *)pending;
	Wait wait;

	g_mutex_lock(&conversation_lock);
	wait = attempt->wait;
	g_mutex_unlock(&conversation_lock);
	wake(attempt, &wait);
	socket_op_unref(attempt);
}

static const PendingOps pending_ops = {.take = pending_take, .ended = pending_ended};

/* -- Beginning ------------------------------------------------------------------------------------------------------ */

/* Whether the conversation is free for this. Called with the conversation lock held. */
static int check(const Conversation *conversation, SocketOpKind kind)
{
	const Stage stage = conversation->stage;

	if (conversation->removed)
		return refuse(EIDRM, "the conversation has been removed");
	if (conversation->pending)
		return refuse(EALREADY, "it is about to %s already; hangup ends that",
			      operation_of(conversation)->kind == TO_CONNECT ? "connect" : "be bound");
	if (kind != TO_CONNECT && stage != STAGE_IDLE)
		return refuse(EINVAL, "it is %s already; hangup ends that",
			      stage == STAGE_BOUND     ? "bound" :
			      stage == STAGE_ANNOUNCED ? "announced" :
							 "connected");
	/* A datagram socket may be connected again, to another one. */
	if (kind == TO_CONNECT && conversation->network->callers && stage > STAGE_BOUND)
		return refuse(EISCONN, "it is %s already; hangup ends that",
			      stage == STAGE_ANNOUNCED ? "announced" : "connected");
	return 0;
}

/* Called for each socket made, as the caller. */
static int prepare(Socket *socket, void *data)
{
	SocketOp *attempt = data;

	return options_apply(&conversation_for(attempt)->options, socket, &attempt->options);
}

static int begin_connecting(SocketOp *attempt, const char *text, const Caller *caller)
{
	const Conversation *conversation = conversation_for(attempt);

	return connecting_begin(conversation->network, conversation->protocol, text, caller, attempt->bound, prepare,
				attempt, &attempt->connecting);
}

static int begin_binding(SocketOp *attempt, const char *text, const Caller *caller, mode_t umask)
{
	Conversation *conversation = conversation_for(attempt);
	const BindingTerms terms = {
		.network = conversation->network,
		.protocol = conversation->protocol,
		.caller = caller,
		.umask = umask,
		.backlog = attempt->kind == TO_ANNOUNCE && conversation->network->callers ?
				   options_backlog(&conversation->options) :
				   -1,
		.both_families = !options_v6only(&conversation->options),
		.prepare = prepare,
		.data = attempt,
	};
	Wait wait;

	conversation_wait(attempt->entry, &wait);
	return binding_begin(&terms, text, wait.key, &attempt->binding);
}

/*
 * What the end of an attempt is for its conversation, and the socket that takes the place of another. Called with the
 * lock held.
 */
static Socket *settle(SocketOp *attempt, int result, Socket *socket)
{
	Conversation *conversation = conversation_for(attempt);
	Socket *old;

	conversation->pending = NULL;
	attempt->over = true;
	attempt->result = result;
	if (result < 0) {
		conversation->error = -result;
		conversation->late = attempt->left;
		return NULL;
	}
	old = conversation->socket;
	conversation->socket = socket_ref(socket);
	conversation->stage = attempt->kind == TO_CONNECT  ? STAGE_CONNECTED :
			      attempt->kind == TO_ANNOUNCE ? STAGE_ANNOUNCED :
							     STAGE_BOUND;
	return old;
}

/* The thread that is at it leaves, with what it has come to; takes the socket. Returns what the attempt has come to. */
static int conclude(SocketOp *attempt, int result, Socket *socket)
{
	Conversation *conversation = conversation_for(attempt);
	const Wait now = result == -EAGAIN ? wait_of(attempt) : (Wait){0};
	bool mine, turned_away;
	Socket *old = NULL;
	Wait before;

	g_mutex_lock(&conversation_lock);
	before = attempt->wait;
	turned_away = attempt->turned_away;
	mine = operation_of(conversation) == attempt;
	attempt->driven = attempt->turned_away = false;
	if (!mine)
		result = attempt->result;
	else if (result == -EAGAIN)
		attempt->wait = now;
	else
		old = settle(attempt, result, socket);
	g_mutex_unlock(&conversation_lock);
	if (result == -EAGAIN) {
		if (turned_away || memcmp(now.key, before.key, sizeof now.key) != 0)
			wake(attempt, &before);
		return result;
	}
	socket_unref(old);
	if (mine) {
		if (socket && options_changed(&conversation->options, attempt->options))
			options_apply(&conversation->options, socket, &attempt->options);
		entry_touch(attempt->entry);
		wake(attempt, &before);
		/* Whoever tried data before it was announced, and came to wait after that, waits for the socket, not for this. */
		if (socket && attempt->kind == TO_ANNOUNCE)
			socket_wake(socket);
		socket_op_unref(attempt); /* the conversation's */
	} else if (socket && attempt->bound) {
		/* Ended meanwhile: a socket that the conversation had before must not stay connected. */
		conversation_drop(attempt->entry, socket);
	}
	socket_unref(socket);
	return result;
}

int socket_op_begin(Entry *entry, SocketOpKind kind, const char *address, const Caller *caller, mode_t umask,
		    SocketOp **out)
{
	Conversation *conversation = entry->data;
	SocketOp *new = g_new0(SocketOp, 1);
	int result;

	*new = (SocketOp){.pending.ops = &pending_ops, .refs = 1, .kind = kind, .driven = true};
	new->entry = registry_get(conversation->table, entry->id);
	conversation_wait(entry, &new->wait);
	g_mutex_lock(&conversation_lock);
	result = check(conversation, kind);
	if (result == 0) {
		conversation->pending = &socket_op_ref(new)->pending;
		conversation->late = false;
		new->bound = conversation->socket ? socket_ref(conversation->socket) : NULL;
	}
	g_mutex_unlock(&conversation_lock);
	if (result == 0) {
		result = kind == TO_CONNECT ? begin_connecting(new, address, caller) :
					      begin_binding(new, address, caller, umask);
		result = conclude(new, result == 0 ? -EAGAIN : result, NULL);
		if (result == -EAGAIN) {
			*out = new;
			return 0;
		}
	}
	socket_op_unref(new);
	return result;
}

/* -- Going on ------------------------------------------------------------------------------------------------------- */

int socket_op_try(SocketOp *attempt)
{
	Socket *socket = NULL;
	int result = -EAGAIN;
	bool free;

	g_mutex_lock(&conversation_lock);
	free = !attempt->over && !attempt->driven;
	if (free)
		attempt->driven = true;
	else if (attempt->over)
		result = attempt->result;
	else
		attempt->turned_away = true;
	g_mutex_unlock(&conversation_lock);
	if (!free)
		return result;
	result = attempt->connecting ? connecting_try(attempt->connecting, &socket) :
				       binding_try(attempt->binding, &socket);
	return conclude(attempt, result, socket);
}

/* Takes one further that nobody waits for. True: it is over. */
static bool pursue(void *data)
{
	SocketOp *attempt = data;

	refusal_forget();
	if (socket_op_try(attempt) == -EAGAIN)
		return false;
	socket_op_unref(attempt);
	return true;
}

int socket_op_leave(SocketOp *attempt)
{
	int result;

	g_mutex_lock(&conversation_lock);
	attempt->left = true;
	result = attempt->over ? attempt->result : -EINPROGRESS;
	g_mutex_unlock(&conversation_lock);
	if (result == -EINPROGRESS)
		poller_add(pursue, socket_op_ref(attempt));
	return result;
}

/* -- Ending --------------------------------------------------------------------------------------------------------- */

void socket_op_end(SocketOp *attempt)
{
	Conversation *conversation = conversation_for(attempt);
	Pending *taken = NULL;

	g_mutex_lock(&conversation_lock);
	if (operation_of(conversation) == attempt)
		taken = pending_take(conversation);
	g_mutex_unlock(&conversation_lock);
	/*
	 * The connection that a bound socket is about to make can be undone in no other way; nor can that of datagrams to a path, which
	 * a thread makes: it may come to that when the conversation is connected with somebody else.
	 */
	if (taken && attempt->bound && (conversation->network->callers || conversation->network->local))
		conversation_drop(attempt->entry, attempt->bound);
	if (taken)
		pending_ended(taken);
}
