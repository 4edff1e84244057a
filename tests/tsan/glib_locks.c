/*
 * Tells ThreadSanitizer what GLib's mutexes and conditions do: GLib builds them on futexes and is not instrumented, so that
 * ThreadSanitizer would take every field that they protect for a race. Linked into the programs of a build with
 * -Db_sanitize=thread; the functions here come before those of the library, and call them.
 */
#include <dlfcn.h>

#include <glib.h>
#include <sanitizer/tsan_interface.h>

#define FLAGS __tsan_mutex_linker_init

#define REAL(function) ((__typeof__(&(function)))real(&function##_address, #function))

static void *g_mutex_lock_address, *g_mutex_trylock_address, *g_mutex_unlock_address;
static void *g_cond_wait_address, *g_cond_wait_until_address;

static void *real(void **address, const char *name)
{
	void *known = __atomic_load_n(address, __ATOMIC_ACQUIRE);

	if (!known) {
		known = dlsym(RTLD_NEXT, name);
		__atomic_store_n(address, known, __ATOMIC_RELEASE);
	}
	return known;
}

static void begin_unlocked(GMutex *mutex)
{
	__tsan_mutex_pre_unlock(mutex, FLAGS);
	__tsan_mutex_post_unlock(mutex, FLAGS);
}

static void end_unlocked(GMutex *mutex)
{
	__tsan_mutex_pre_lock(mutex, FLAGS);
	__tsan_mutex_post_lock(mutex, FLAGS, 0);
}

void g_mutex_lock(GMutex *mutex)
{
	__tsan_mutex_pre_lock(mutex, FLAGS);
	REAL(g_mutex_lock)(mutex);
	__tsan_mutex_post_lock(mutex, FLAGS, 0);
}

gboolean g_mutex_trylock(GMutex *mutex)
{
	gboolean taken;

	__tsan_mutex_pre_lock(mutex, FLAGS | __tsan_mutex_try_lock);
	taken = REAL(g_mutex_trylock)(mutex);
	__tsan_mutex_post_lock(mutex, FLAGS | __tsan_mutex_try_lock | (taken ? 0 : __tsan_mutex_try_lock_failed), 0);
	return taken;
}

void g_mutex_unlock(GMutex *mutex)
{
	__tsan_mutex_pre_unlock(mutex, FLAGS);
	REAL(g_mutex_unlock)(mutex);
	__tsan_mutex_post_unlock(mutex, FLAGS);
}

void g_cond_wait(GCond *cond, GMutex *mutex)
{
	begin_unlocked(mutex);
	REAL(g_cond_wait)(cond, mutex);
	end_unlocked(mutex);
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end)
{
	gboolean signalled;

	begin_unlocked(mutex);
	signalled = REAL(g_cond_wait_until)(cond, mutex, end);
	end_unlocked(mutex);
	return signalled;
}
