# Shared memory: the tests that both kinds have in common, and System V segments. native-shm makes the native calls.
load ../helper

setup() {
	declare -gA pid=()
	cd "$dir" || return
	[ -e "$dir/native-shm" ] || install -m 755 "$(dirname "$NATIVE")/native-shm" "$dir/native-shm"
	shm=$dir/native-shm V=$IPC/sysv/shm P=$IPC/posix/shm
}

teardown() {
	end_all
	local object
	for object in "$V"/* "$P"/*; do
		[ ! -d "$object" ] || rmdir "$object"
	done
	eventually [ "$(awk 'NR > 1' /proc/sysvipc/shm | wc -l)" = 0 ]
	rm -f /dev/shm/sem.shmtest
	quiet_log
}

# until_says NAME WORD: waits until a started program has printed WORD.
until_says() {
	eventually grep -q "$2" "$BATS_TEST_TMPDIR/$1"
}

# held NAME COMMAND...: starts the command, whose stdin is open until let_end.
held() {
	local name=$1
	shift
	mkfifo "$BATS_TEST_TMPDIR/$name.in"
	start "$name" sh -c 'in=$1; shift; exec "$@" <"$in"' sh "$BATS_TEST_TMPDIR/$name.in" "$@"
	exec {hold}>"$BATS_TEST_TMPDIR/$name.in"
}

let_end() {
	exec {hold}>&-
}

@test "mkdir makes a segment of one page, which shares its memory with shmat" {
	mkdir -m 600 "$V/a"
	same 4096 "$(cat "$V/a/size")"
	same 4096 "$(stat -c %s "$V/a/data")"
	id=$(cat "$V/a/id")
	put hello "$V/a/data"
	same hello "$("$shm" at "$id" peek 0 5)"
	"$shm" at "$id" poke 100 there
	same there "$(dd if="$V/a/data" bs=1 skip=100 count=5 status=none)"
	"$shm" map "$V/a/data" poke 200 mapped
	same mapped "$("$shm" at "$id" peek 200 6)"
	"$shm" at "$id" poke 4090 last
	same last "$("$shm" map "$V/a/data" peek 4090 4)"
}

@test "a segment that a native program made is listed by its key, and mv names it" {
	id=$("$shm" get 0x162e 10000)
	same 10000 "$(cat "$V/0x0000162e/size")"
	"$shm" at "$id" poke 9990 endofmemor
	same endofmemor "$(tail -c 10 "$V/0x162e/data")"
	mv "$V/0x0000162e" "$V/work"
	same "$id" "$(cat "$V/work/id")"
	private=$("$shm" get 0 4096 private)
	refused EINVAL truncate -s 8192 "$V/id-$private/data"
	why_is "without a key"
}

@test "shm_open and the tree see the same objects" {
	mkdir -m 640 "$P/a"
	same "4096 640" "$(stat -c '%s %a' /dev/shm/a)"
	put hello "$P/a/data"
	same hello "$("$shm" posix /a peek 0 5)"
	"$shm" open /b 70000
	same 70000 "$(cat "$P/b/size")"
	"$shm" posix /b poke 65536 native
	same native "$("$shm" map "$P/b/data" peek 65536 6)"
	"$shm" map "$P/b/data" poke 0 mapped
	same mapped "$("$shm" posix /b peek 0 6)"
	mv "$P/b" "$P/c"
	[ -e /dev/shm/c ] && [ ! -e /dev/shm/b ]
	refused EEXIST mv -T "$P/c" "$P/a"
	chmod 600 "$P/a"
	same 600 "$(stat -c %a /dev/shm/a)"
	rmdir "$P/a"
	[ ! -e /dev/shm/a ]
	refused ENOENT cat "$P/a/data"
}

@test "posix/shm lists only regular files that are not semaphores" {
	touch /dev/shm/sem.shmtest
	ln -s /etc/passwd /dev/shm/shmtest-link
	mkfifo /dev/shm/shmtest-fifo
	same "" "$(ls "$P")"
	refused ENOENT cat "$P/shmtest-link/data"
	refused ENOENT cat "$P/sem.shmtest/data"
	refused EINVAL mkdir "$P/sem.x"
	rm /dev/shm/shmtest-link /dev/shm/shmtest-fifo
}

@test "truncate and size change the size and keep the contents" {
	local kind
	for kind in "$V" "$P"; do
		mkdir "$kind/a"
		put hello "$kind/a/data"
		truncate -s 1M "$kind/a/data"
		same 1048576 "$(cat "$kind/a/size")"
		same hello "$(head -c 5 "$kind/a/data")"
		echo 64K >"$kind/a/size"
		same 65536 "$(stat -c %s "$kind/a/data")"
		same hello "$(head -c 5 "$kind/a/data")"
		"$shm" size "$kind/a/data" 5000
		same 5000 "$(cat "$kind/a/size")"
		refused EINVAL put nonsense "$kind/a/size"
	done
	refused EINVAL "$shm" size "$V/a/data" 0
	"$shm" size "$P/a/data" 0
	same 0 "$(cat "$P/a/size")"
}

@test "O_TRUNC changes nothing, so that cp and dd keep the size" {
	local kind
	head -c 30000 /dev/urandom >bytes
	for kind in "$V" "$P"; do
		mkdir "$kind/t"
		truncate -s 40000 "$kind/t/data"
		echo hello >"$kind/t/data"
		same 40000 "$(cat "$kind/t/size")"
		: >"$kind/t/data"
		same hello "$(head -n 1 "$kind/t/data")"
		cp bytes "$kind/t/data"
		same 40000 "$(cat "$kind/t/size")"
		cmp -n 30000 bytes "$kind/t/data"
		dd if=bytes of="$kind/t/data" bs=10000 seek=3 count=1 conv=notrunc status=none
		cmp -n 10000 bytes "$kind/t/data" 0 30000
		cp "$kind/t/data" copy
		same_bytes "$kind/t/data" copy
	done
}

@test "a write past the end fails on a segment and extends a POSIX object" {
	mkdir "$V/a" "$P/a"
	refused ENOSPC dd if=/dev/zero of="$V/a/data" bs=4096 seek=1 count=1 conv=notrunc
	why_is "past the end"
	same 4096 "$(cat "$V/a/size")"
	printf more >>"$P/a/data"
	same 4100 "$(cat "$P/a/size")"
}

@test "resizing an attached segment fails with EBUSY" {
	mkdir "$V/a"
	held holder "$shm" hold "$(cat "$V/a/id")"
	until_says holder attached
	same 1 "$(cat "$V/a/nattch")"
	same "${pid[holder]}" "$(cat "$V/a/attached")"
	refused EBUSY truncate -s 8192 "$V/a/data"
	why_is "attached"
	let_end
	ended holder
	truncate -s 8192 "$V/a/data"
}

@test "a mapping of data counts as attached, and outlives the object" {
	local kind
	for kind in "$V" "$P"; do
		mkdir "$kind/a"
		held keeper "$shm" keep "$kind/a/data" HELLO
		until_says keeper mapped
		same "${pid[keeper]}" "$(cat "$kind/a/attached")"
		[ "$kind" = "$P" ] || refused EBUSY truncate -s 8192 "$kind/a/data"
		put 12345678 "$kind/a/data"
		rmdir "$kind/a"
		let_end
		ended keeper
		same "HELLO678" "$(tail -n 1 "$BATS_TEST_TMPDIR/keeper")"
		rm "$BATS_TEST_TMPDIR/keeper.in"
	done
}

@test "a segment that is removed while attached is listed as destroyed" {
	mkdir "$V/a"
	id=$(cat "$V/a/id")
	held holder "$shm" hold "$id"
	until_says holder attached
	rmdir "$V/a"
	same "id-$id" "$(ls "$V")"
	same yes "$(cat "$V/id-$id/destroyed")"
	grep -q "^Destroyed:	yes" "$V/id-$id/status"
	let_end
	ended holder
	eventually [ ! -e "$V/id-$id" ]
}

@test "a descriptor that is opened again shares the memory, and one for reading cannot be mapped for writing" {
	local kind
	for kind in "$V" "$P"; do
		mkdir "$kind/a"
		exec {fd}<"$kind/a/data"
		printf again >"/proc/self/fd/$fd"
		same again "$(head -c 5 "$kind/a/data")"
		same again "$("$shm" map "/proc/self/fd/$fd" peek 0 5)"
		exec {fd}<&-
		refused EACCES "$shm" writable "$kind/a/data"
	done
}

@test "each user has the permissions of the native calls" {
	local kind
	for kind in "$V" "$P"; do
		as 1000 mkdir -m 640 "$kind/a"
		same "1000 1000" "$(stat -c '%u %g' "$kind/a/data")"
		refused EACCES as 1001 cat "$kind/a/data"
		refused EACCES as 1001 sh -c 'echo 8192 >"$1"' sh "$kind/a/size"
		refused EPERM as 1001 rmdir "$kind/a"
		refused EACCES as 1001:1000 sh -c 'echo x >"$1"' sh "$kind/a/data"
		as 1001:1000 cat "$kind/a/data" >/dev/null
		as 1000 sh -c 'echo 8192 >"$1"' sh "$kind/a/size"
		same 1000 "$(stat -c %u "$kind/a/data")"
	done
	same "1000 1000 0640" "$(awk '/^(Uid|Cuid|Mode)/ { printf "%s%s", sep, $2; sep = " " }' "$V/a/status")"
	chmod 662 "$V/a"
	refused EACCES as 1001 sh -c 'echo x >"$1"' sh "$V/a/data"
}

@test "a size above shmmax fails with EINVAL, and above shmall with ENOSPC" {
	local most all
	most=$(cat "$IPC/limits/shmmax")
	all=$(cat "$IPC/limits/shmall")
	mkdir "$V/a"
	echo 8192 >"$IPC/limits/shmmax"
	refused EINVAL truncate -s 8193 "$V/a/data"
	truncate -s 8192 "$V/a/data"
	echo "$most" >"$IPC/limits/shmmax"
	echo 4 >"$IPC/limits/shmall"
	refused ENOSPC truncate -s 40960 "$V/a/data"
	mkdir "$V/b" "$V/c"
	refused ENOSPC mkdir "$V/d"
	why_is shmall
	echo "$all" >"$IPC/limits/shmall"
	same 8192 "$(cat "$V/a/size")"
}

@test "lock is SHM_LOCK, and the limit of the caller applies" {
	mkdir "$V/a"
	echo 1 >"$V/a/lock"
	grep -q "^Lock:	1" "$V/a/status"
	ipcs -m | grep -q locked
	echo 0 >"$V/a/lock"
	same 0 "$(cat "$V/a/lock")"
	as 1000 mkdir -m 600 "$V/b" "$V/c"
	refused EACCES as 1001 sh -c 'echo 1 >"$1"' sh "$V/b/lock"
	as 1000 sh -c 'ulimit -l 4 && echo 1 >"$1"' sh "$V/b/lock"
	same 1 "$(cat "$V/b/lock")"
	run ! as 1000 sh -c 'ulimit -l 4 && echo 1 >"$1"' sh "$V/c/lock"
	[[ "$(as 1000 cat "$IPC/why")" == *ENOMEM*"limit on locked memory"* ]]
	same 0 "$(cat "$V/c/lock")"
}

@test "a Python program maps and writes data, and shmat sees the same memory" {
	mkdir "$V/a"
	truncate -s 65536 "$V/a/data"
	python3 - "$V/a/data" <<-'END'
		import mmap, os, sys
		fd = os.open(sys.argv[1], os.O_RDWR)
		m = mmap.mmap(fd, 0)
		assert len(m) == 65536
		m[1000:1006] = b'python'
		assert os.pread(fd, 6, 1000) == b'python'
		assert os.pwrite(fd, b'PY', 1000) == 2 and m[1000:1006] == b'PYthon'
		assert os.pwrite(fd, b'abc', 65534) == 2
		assert os.pread(fd, 10, 65536) == b''
		try:
		    os.ftruncate(fd, 4096)
		    raise SystemExit('shrunk')
		except OSError as e:
		    assert e.strerror == 'Device or resource busy'
		os.ftruncate(fd, 65536)
	END
	same PYthon "$("$shm" at "$(cat "$V/a/id")" peek 1000 6)"
}

@test "an open file keeps the memory and the size of a removed object" {
	mkdir "$V/a" "$P/a"
	echo 5000 >"$P/a/size"
	python3 - "$V/a" "$P/a" <<-'END'
		import mmap, os, sys
		for object, size in zip(sys.argv[1:], (4096, 5000)):
		    fd = os.open(object + '/data', os.O_RDWR)
		    os.rmdir(object)
		    assert os.fstat(fd).st_size == size
		    assert os.pwrite(fd, b'still there', 10) == 11
		    assert mmap.mmap(fd, 0)[10:21] == b'still there'
		    os.mkdir(object)
		    assert os.pread(fd, 5, 10) == b'still'
		    assert open(object + '/data', 'rb').read(30)[10:15] == bytes(5)
	END
}

@test "after ftruncate, a descriptor for writing only refers to the new segment" {
	mkdir "$V/a"
	printf start >"$V/a/data"
	python3 - "$V/a/data" <<-'END'
		import os, sys
		fd = os.open(sys.argv[1], os.O_WRONLY)
		os.ftruncate(fd, 10000)
		assert os.pwrite(fd, b'end', 9997) == 3
		try:
		    os.open('/proc/self/fd/%d' % fd, os.O_RDWR)
		    raise SystemExit('opened the old memory')
		except OSError as e:
		    assert e.strerror == 'Stale file handle', e
	END
	same startend "$(head -c 5 "$V/a/data")$(tail -c 3 "$V/a/data")"
}

@test "the directory of a resized segment stays valid for a shell in it" {
	mkdir "$V/a"
	cd "$V/a"
	truncate -s 12000 data
	same 12000 "$(cat size)"
	same 12000 "$(stat -c %s data)"
}
