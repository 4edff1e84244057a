/*
 * Socket operations: the verbs connect, announce and bind in progress (operation.h).
 *
 * An operation continues when a waiting write, a read of the conversation's files, or the poller calls socket_op_try().
 * The poller (poller.h) continues an operation that no request waits for.
 *
 * Locking: one thread at a time works on an operation. It sets `busy` under the conversation lock and works without
 * the lock. Any other thread that calls socket_op_try() meanwhile returns -EAGAIN and sets `turned_away`. When the
 * working thread stops without a result, it wakes the requests that were turned away, because they may have come with
 * an event that it was too early to see.
 */
#include "backends/socket/operation.h"

#include <errno.h>
#include <string.h>

#include "backends/core/host.h"
#include "backends/core/poller.h"
#include "backends/core/refusal.h"
#include "backends/socket/bind.h"
#include "backends/socket/connect.h"

struct SocketOp {
	Pending pending;
	int refs;     /* atomic */
	Entry *entry; /* a reference */
	SocketOpKind kind;
	unsigned options;       /* which change of the options its socket has */
	Socket *bound;          /* to connect: a reference to the socket that the conversation already has; or NULL */
	Connecting *connecting; /* owned; to connect */
	Binding *binding;       /* owned; to announce or bind */

	/* Protected by the conversation lock. */
	bool busy;        /* a thread works on it */
	bool turned_away; /* another thread came meanwhile */
	bool over;        /* it has a result */
	bool detached;    /* no request waits for it */
	int result;
	Wait wait; /* what it waits for while no thread works on it */
};

/* The operation of a conversation, or NULL. Called with the conversation lock held. */
static SocketOp *operation_of(const Conversation *conversation)
{
	return (SocketOp *)conversation->pending;
}

static Conversation *conversation_for(const SocketOp *operation)
{
	return conversation_of(operation->entry);
}

static SocketOp *socket_op_ref(SocketOp *operation)
{
	g_atomic_int_inc(&operation->refs);
	return operation;
}

void socket_op_unref(SocketOp *operation)
{
	if (!operation || !g_atomic_int_dec_and_test(&operation->refs))
		return;
	connecting_free(operation->connecting);
	binding_free(operation->binding);
	socket_unref(operation->bound);
	conversation_unref(operation->entry);
	g_free(operation);
}

SocketOp *socket_op_of(const Entry *entry)
{
	const Conversation *conversation = conversation_of(entry);
	SocketOp *operation;

	g_mutex_lock(&conversation_lock);
	operation = conversation->pending ? socket_op_ref(operation_of(conversation)) : NULL;
	g_mutex_unlock(&conversation_lock);
	return operation;
}

void socket_op_poll(const Entry *entry)
{
	SocketOp *operation = socket_op_of(entry);

	if (operation)
		socket_op_try(operation);
	socket_op_unref(operation);
}

/* -- Waiting ------------------------------------------------------------------------------------------------------- */

/* The Wait for its next step. Called by the thread that works on it. */
static Wait next_wait(const SocketOp *operation)
{
	Wait wait;

	if (operation->connecting)
		connecting_wait(operation->connecting, &wait);
	else
		conversation_wait(operation->entry, &wait);
	return wait;
}

void socket_op_wait(SocketOp *operation, Wait *out)
{
	bool busy;

	g_mutex_lock(&conversation_lock);
	*out = operation->wait;
	busy = operation->busy;
	/*
	 * The working thread may be about to finish what this Wait is for; it wakes the requests that were turned away.
	 */
	operation->turned_away |= busy;
	g_mutex_unlock(&conversation_lock);
	if (busy)
		conversation_wait(operation->entry, out);
}

static void wake_waiters(const SocketOp *operation, const Wait *wait)
{
	conversation_wake(operation->entry);
	host_wake(wait->key);
}

/* -- Ended by a hang-up -------------------------------------------------------------------------------------------- */

static Pending *pending_take(Conversation *conversation)
{
	Pending *taken = g_steal_pointer(&conversation->pending);
	SocketOp *operation = (SocketOp *)taken;

	operation->over = true;
	operation->result = -ECONNABORTED;
	return taken;
}

static void pending_ended(Pending *pending)
{
	SocketOp *operation = (SocketOp *)pending;
	Wait wait;

	g_mutex_lock(&conversation_lock);
	wait = operation->wait;
	g_mutex_unlock(&conversation_lock);
	wake_waiters(operation, &wait);
	socket_op_unref(operation);
}

static const PendingOps pending_ops = {.take = pending_take, .ended = pending_ended};

/* -- Beginning ----------------------------------------------------------------------------------------------------- */

/* Whether the conversation can begin this operation. Called with the conversation lock held. */
static int check_state(const Conversation *conversation, SocketOpKind kind)
{
	const Stage stage = conversation->stage;

	if (conversation->removed)
		return refuse(EIDRM, "conversation was removed");
	if (conversation->pending)
		return refuse(EALREADY, "%s is in progress: wait for its end, or write hangup",
			      operation_of(conversation)->kind == TO_CONNECT ? "connect" : "be bound");
	if (kind != TO_CONNECT && stage != STAGE_IDLE)
		return refuse(EINVAL, "conversation is %s: write hangup first",
			      stage == STAGE_BOUND     ? "bound" :
			      stage == STAGE_ANNOUNCED ? "announced" :
							 "connected");
	/* A datagram socket may be connected again, to another address. */
	if (kind == TO_CONNECT && conversation->network->listens && stage > STAGE_BOUND)
		return refuse(EISCONN, "conversation is %s: write hangup first",
			      stage == STAGE_ANNOUNCED ? "announced" : "connected");
	return 0;
}

/* Called for each new socket, with the caller's credentials. */
static int apply_options(Socket *socket, void *data)
{
	SocketOp *operation = data;

	return options_apply(&conversation_for(operation)->options, socket, &operation->options);
}

static int begin_connecting(SocketOp *operation, const char *text, const Caller *caller)
{
	const Conversation *conversation = conversation_for(operation);

	return connecting_begin(conversation->network, conversation->protocol, text, caller, operation->bound,
				apply_options, operation, &operation->connecting);
}

static int begin_binding(SocketOp *operation, const char *text, const Caller *caller, mode_t umask)
{
	Conversation *conversation = conversation_for(operation);
	const BindingTerms terms = {
		.network = conversation->network,
		.protocol = conversation->protocol,
		.caller = caller,
		.umask = umask,
		.backlog = operation->kind == TO_ANNOUNCE && conversation->network->listens ?
				   options_backlog(&conversation->options) :
				   -1,
		.both_families = !options_v6only(&conversation->options),
		.prepare = apply_options,
		.data = operation,
	};
	Wait wait;

	conversation_wait(operation->entry, &wait);
	return binding_begin(&terms, text, wait.key, &operation->binding);
}

/*
 * Stores the result in the operation and its conversation. Returns the socket that the new one replaces; or NULL.
 * Called with the conversation lock held.
 */
static Socket *operation_finish(SocketOp *operation, int result, Socket *socket)
{
	Conversation *conversation = conversation_for(operation);
	Socket *old;

	conversation->pending = NULL;
	operation->over = true;
	operation->result = result;
	if (result < 0) {
		conversation->error = -result;
		conversation->unreported = operation->detached;
		return NULL;
	}
	old = conversation->socket;
	conversation->socket = socket_ref(socket);
	conversation->stage = operation->kind == TO_CONNECT  ? STAGE_CONNECTED :
			      operation->kind == TO_ANNOUNCE ? STAGE_ANNOUNCED :
							       STAGE_BOUND;
	return old;
}

/*
 * Ends the work of this thread, which has come to `result`; takes the reference to `socket`. Returns the result of the
 * operation, which differs if the operation was cancelled meanwhile.
 */
static int operation_release(SocketOp *operation, int result, Socket *socket)
{
	Conversation *conversation = conversation_for(operation);
	const Wait new_wait = result == -EAGAIN ? next_wait(operation) : (Wait){0};
	bool is_current, turned_away;
	Socket *old = NULL;
	Wait old_wait;

	g_mutex_lock(&conversation_lock);
	old_wait = operation->wait;
	turned_away = operation->turned_away;
	is_current = operation_of(conversation) == operation;
	operation->busy = operation->turned_away = false;
	if (!is_current)
		result = operation->result;
	else if (result == -EAGAIN)
		operation->wait = new_wait;
	else
		old = operation_finish(operation, result, socket);
	g_mutex_unlock(&conversation_lock);
	if (result == -EAGAIN) {
		if (turned_away || memcmp(new_wait.key, old_wait.key, sizeof new_wait.key) != 0)
			wake_waiters(operation, &old_wait);
		return result;
	}
	socket_unref(old);
	if (is_current) {
		if (socket && options_changed(&conversation->options, operation->options))
			options_apply(&conversation->options, socket, &operation->options);
		entry_touch(operation->entry);
		wake_waiters(operation, &old_wait);
		/*
		 * A request may have tried data before the announce completed and begun to wait after it. It waits for
		 * the socket.
		 */
		if (socket && operation->kind == TO_ANNOUNCE)
			socket_wake(socket);
		socket_op_unref(operation); /* the conversation's reference */
	} else if (socket && operation->bound) {
		/*
		 * The operation was cancelled meanwhile, and a socket that the conversation had before must not stay
		 * connected.
		 */
		conversation_drop(operation->entry, socket);
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

	*new = (SocketOp){.pending.ops = &pending_ops, .refs = 1, .kind = kind, .busy = true};
	new->entry = registry_get(conversation->registry, entry->id);
	conversation_wait(entry, &new->wait);
	g_mutex_lock(&conversation_lock);
	result = check_state(conversation, kind);
	if (result == 0) {
		conversation->pending = &socket_op_ref(new)->pending;
		conversation->unreported = false;
		new->bound = conversation->socket ? socket_ref(conversation->socket) : NULL;
	}
	g_mutex_unlock(&conversation_lock);
	if (result == 0) {
		result = kind == TO_CONNECT ? begin_connecting(new, address, caller) :
					      begin_binding(new, address, caller, umask);
		result = operation_release(new, result == 0 ? -EAGAIN : result, NULL);
		if (result == -EAGAIN) {
			*out = new;
			return 0;
		}
	}
	socket_op_unref(new);
	return result;
}

/* -- Continuing ---------------------------------------------------------------------------------------------------- */

int socket_op_try(SocketOp *operation)
{
	Socket *socket = NULL;
	int result = -EAGAIN;
	bool idle;

	g_mutex_lock(&conversation_lock);
	idle = !operation->over && !operation->busy;
	if (idle)
		operation->busy = true;
	else if (operation->over)
		result = operation->result;
	else
		operation->turned_away = true;
	g_mutex_unlock(&conversation_lock);
	if (!idle)
		return result;
	result = operation->connecting ? connecting_try(operation->connecting, &socket) :
					 binding_try(operation->binding, &socket);
	return operation_release(operation, result, socket);
}

/* Called by the poller. Continues an operation that no request waits for. True: it is over. */
static bool operation_step(void *data)
{
	SocketOp *operation = data;

	refusal_forget();
	if (socket_op_try(operation) == -EAGAIN)
		return false;
	socket_op_unref(operation);
	return true;
}

int socket_op_detach(SocketOp *operation)
{
	int result;

	g_mutex_lock(&conversation_lock);
	operation->detached = true;
	result = operation->over ? operation->result : -EINPROGRESS;
	g_mutex_unlock(&conversation_lock);
	if (result == -EINPROGRESS)
		poller_add(operation_step, socket_op_ref(operation));
	return result;
}

/* -- Cancelling ---------------------------------------------------------------------------------------------------- */

void socket_op_cancel(SocketOp *operation)
{
	Conversation *conversation = conversation_for(operation);
	Pending *taken = NULL;

	g_mutex_lock(&conversation_lock);
	if (operation_of(conversation) == operation)
		taken = pending_take(conversation);
	g_mutex_unlock(&conversation_lock);
	/*
	 * Only a hang-up undoes the connection that a bound socket is about to make. The same holds for datagrams to a
	 * path, which a background job connects: the job may reach its connect(2) after the conversation is connected
	 * to another address.
	 */
	if (taken && operation->bound && (conversation->network->listens || conversation->network->local))
		conversation_drop(operation->entry, operation->bound);
	if (taken)
		pending_ended(taken);
}
