# Unnamed POSIX semaphores in shared memory. The native programs use sem_init and sem_wait.
load ../semaphores

# in_posix NAME OFFSET, in_sysv NAME OFFSET: $u becomes the semaphore's directory. $memory and $at become its native name.
in_posix() {
	mkdir -p "$IPC/posix/shm/$1"
	u=$IPC/posix/shm/$1/sem/$2 memory=/dev/shm/$1 at=$2
}

in_sysv() {
	mkdir -p "$IPC/sysv/shm/$1"
	u=$IPC/sysv/shm/$1/sem/$2 memory=$(cat "$IPC/sysv/shm/$1/key") at=$2
}

kinds=(in_posix in_sysv)

teardown() {
	end_all
	local object
	for object in "$IPC"/*/shm/*; do
		[ ! -d "$object" ] || rmdir "$object"
	done
	quiet_log
}

@test "a semaphore that a native program initialised works on both sides" {
	for kind in "${kinds[@]}"; do
		$kind frame 64
		"$sem" unnamed-init "$memory" "$at" 2
		same 2 "$(cat "$u/value")"
		echo -1 >"$u/op"
		same 1 "$("$sem" unnamed-get "$memory" "$at")"
		"$sem" unnamed-wait "$memory" "$at"
		refused EAGAIN try_nonblocking "$u/op" -1
		echo +3 >"$u/op"
		same 3 "$("$sem" unnamed-get "$memory" "$at")"
	done
}

@test "writing value initialises a semaphore, or sets one that exists" {
	for kind in "${kinds[@]}"; do
		$kind frame 4000
		refused EINVAL cat "$u/value"
		refused EINVAL put -1 "$u/op"
		echo 1 >"$u/value"
		"$sem" unnamed-wait "$memory" "$at"
		start n "$sem" unnamed-wait "$memory" "$at"
		becomes "$u/waiters" 1
		echo 1 >"$u/value"
		ended n
	done
}

@test "a blocked process wakes for an operation on the other side" {
	for kind in "${kinds[@]}"; do
		$kind frame 0
		"$sem" unnamed-init "$memory" "$at" 0
		start_in write w sh -c 'exec printf %s -1 >"$1"' sh "$u/op"
		start n "$sem" unnamed-wait "$memory" "$at"
		becomes "$u/waiters" 2
		"$sem" unnamed-post "$memory" "$at"
		becomes "$u/waiters" 1
		echo +1 >"$u/op"
		ended w
		ended n
	done
}

@test "hold gives back when the holder is killed" {
	for kind in "${kinds[@]}"; do
		$kind frame 128
		echo 1 >"$u/value"
		start_holding h "$u/hold"
		held h
		same 0 "$("$sem" unnamed-get "$memory" "$at")"
		killed h
		becomes "$u/value" 1
	done
}

@test "a private semaphore and an offset past the end are refused" {
	for kind in "${kinds[@]}"; do
		$kind frame 64
		"$sem" unnamed-init-private "$memory" "$at" 2
		refused EINVAL put -1 "$u/op"
		why_is pshared
		refused ENOENT cat "${u%64}65/value"
		refused ENOENT cat "${u%64}064/value"
		refused EINVAL put 1 "${u%64}1048576/value"
	done
}

@test "a semaphore has the permissions of its memory" {
	for kind in "${kinds[@]}"; do
		$kind frame 64
		echo 1 >"$u/value"
		chmod 640 "${u%/sem/64}"
		chgrp 1000 "${u%/sem/64}"
		same 1 "$(as 1001:1000 cat "$u/value")"
		refused EACCES as 1001:1000 sh -c 'echo -1 >"$1"' sh "$u/op"
		refused EACCES as 1001:1000 sh -c '9>"$1"' sh "$u/hold"
		refused EACCES as 1001 cat "$u/value"
	done
}

@test "if the memory is truncated during use, operations fail and the daemon continues" {
	in_posix frame 64
	echo 1 >"$u/value"
	exec 8>"$u/op"
	start_holding h "$u/hold"
	held h
	truncate -s 0 "$memory"
	refused "Input/output error" bash -c 'echo +1 >&8'
	killed h
	exec 8>&-
	truncate -s 4096 "$memory"
	echo 7 >"$u/value"
	same 7 "$("$sem" unnamed-get "$memory" "$at")"
}
