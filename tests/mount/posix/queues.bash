# shellcheck shell=bash
# What the tests of POSIX queues share, beside helper.bash. The other side is $native mq-….

load "${BASH_SOURCE[0]%/*}/../helper"

setup_file() {
	new_mount
	export MQ=$IPC/posix/mq
	ipcfs_start
}

setup() {
	declare -gA pid=()
	cd "$dir"
}

teardown() {
	end_all
	find "$MQ" -mindepth 1 -maxdepth 1 -exec rmdir {} +
	quiet_log
}

# make NAME [MODE]: a queue for 10 messages of 8192 bytes; then $q is its directory.
make() {
	mkdir -m "${2:-700}" "$MQ/$1"
	q=$MQ/$1
}

# can_resize: whether this kernel has leases on queues, which Linux 7.0 and newer do not have.
can_resize() {
	[ "$("$native" mq-leases /leases)" = yes ]
}

# fill NAME: until it has no room for a message more.
fill() {
	local room
	room=$(($(cat "$MQ/$1/maxmsg") - $(cat "$MQ/$1/curmsgs")))
	[ "$room" = 0 ] || seq "$room" | "$native" mq-send-lines "/$1" 0
}

# of_status LABEL
of_status() {
	sed -n "s/^$1:\t//p" "$q/status"
}

# reads FILE TEXT
reads() {
	[ "$(cat "$1")" = "$2" ]
}

# becomes FILE TEXT: it reads so before long.
becomes() {
	eventually reads "$1" "$2" || complain "$1 is $(cat "$1")"
}

# says NAME TEXT: a command in the background has said so.
says() {
	eventually grep -qx "$2" "$BATS_TEST_TMPDIR/$1"
}
