# shellcheck shell=bash
# A machine that differs from this one as far as the tests can tell. To be sourced by process 1 of the namespaces that
# isolated() makes, before the tests, with IPCFS set: what it changes ends with these namespaces.
set -e

umask 077

# A user sees its own processes alone.
mount -o remount,hidepid=2 /proc

# /dev/mqueue is there where it was not, and the other way round.
dev=$(mktemp -d)
mount -t tmpfs -o mode=755 tmpfs "$dev"
for device in /dev/{null,zero,full,random,urandom,tty,fuse}; do
	touch "$dev/${device##*/}"
	mount --bind "$device" "$dev/${device##*/}"
done
ln -s /proc/self/fd "$dev/fd"
ln -s fd/0 "$dev/stdin"
ln -s fd/1 "$dev/stdout"
ln -s fd/2 "$dev/stderr"
ln -s pts/ptmx "$dev/ptmx"
mkdir -m 755 "$dev/pts" "$dev/shm"
mount --rbind /dev/pts "$dev/pts"
mount --rbind /dev/shm "$dev/shm"
[ -d /dev/mqueue ] || mkdir "$dev/mqueue"
mount --move "$dev" /dev
rmdir "$dev"

# Another ipcfs, on /ipc where that is a directory, and objects of others, which are in the IPC namespace of the machine.
if [ -d /ipc ]; then
	"$IPCFS" /ipc
	mkdir /ipc/sysv/msg/foreign /ipc/sysv/sem/foreign /ipc/posix/shm/foreign
	echo foreign >/ipc/sysv/msg/foreign/data
fi
ipcmk --queue --shmem 4096 --semaphore 2 >/dev/null
# shellcheck disable=SC2016 # its $@ is not ours
set -- unshare --ipc bash -c 'mount -t tmpfs -o mode=1777 tmpfs /dev/shm && mount -t tmpfs -o mode=755 tmpfs /run/ipcfs || exit
	if [ -d /dev/mqueue ]; then mount -t mqueue mqueue /dev/mqueue || exit; fi
	"$@"' \
	bash "$@"

export TMPDIR="${TMPDIR:-/tmp}/other"
mkdir -p "$TMPDIR"
chmod 755 "$TMPDIR"

set +e
