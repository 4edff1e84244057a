# Owners and permissions of queues. The permissions must agree with those of the native calls.
load ../helper

# Users 1000 (group 2000) to 1002 (group 2002).
users=(1000:2000 1001:2001 1002:2002 1002:2002,2000 0)

# verdict read|write USER: prints `yes` if the user can open the file for reading or writing, else the errno.
verdict() {
	local text
	if text=$(as "$2" "$native" nonblocking "$q/data" "$1" x 2>&1); then
		echo yes
	elif [[ $text == EAGAIN ]]; then
		echo yes
	else
		echo "$text"
	fi
}

# The queue belongs to user 1000. Its creator is user 1000 or root.
@test "for every user and mode, the permissions agree with those of the native calls" {
	for maker in 1000:2000 0; do
		as "$maker" mkdir "$MSG/a"
		q=$MSG/a
		id=$(cat "$q/id")
		[ "$maker" != 0 ] || chown 1000:2000 "$q"
		for mode in 600 400 200 060 040 020 006 004 002 660 606 066 666 000 464; do
			chmod "$mode" "$q"
			for user in "${users[@]}"; do
				same "$maker $mode $user $(as "$user" "$native" msg-rights "$id" | xargs)" \
					"$maker $mode $user read $(verdict read "$user") write $(verdict write "$user")"
			done
		done
		rmdir "$q"
	done
}

# With the native calls, the creator keeps the permissions of the owner. The kernel checks a file against its owner only, so
# that the creator has fewer permissions here.
@test "after chown to another user, the creator has the permissions of other users" {
	as 1000 mkdir -m 700 "$MSG/a"
	q=$MSG/a
	chown 1001:2001 "$q"
	id=$(cat "$q/id")
	for user in "${users[@]}"; do
		[[ $user != 1000* ]] || continue
		same "$user $(as "$user" "$native" msg-rights "$id" | xargs)" \
			"$user read $(verdict read "$user") write $(verdict write "$user")"
	done
	[ "$(verdict read 1000)" = EACCES ]
	[ "$(verdict write 1000)" = EACCES ]
	run as 1000 rmdir "$q"
	[ "$status" -ne 0 ]
	as 1001 rmdir "$q"
}

@test "the owner and creator of a queue is the user that makes it" {
	as 1000:2000 mkdir -m 750 "$MSG/a"
	same "1000 2000 drwxr-x---" "$(stat -c '%u %g %A' "$MSG/a")"
	same "-rw-r-----" "$(stat -c %A "$MSG/a/data")"
	same "-r--r-----" "$(stat -c %A "$MSG/a/qnum")"
	same $'Uid:\t1000\nGid:\t2000\nCuid:\t1000\nCgid:\t2000' "$(sed -n '3,6p' "$MSG/a/status")"
}

@test "the mode follows the umask, and x is set where r or w is" {
	(umask 027 && mkdir "$MSG/a")
	same drwxr-x--- "$(stat -c %A "$MSG/a")"
	mkdir -m 420 "$MSG/b"
	same dr-x-wx--- "$(stat -c %A "$MSG/b")"
	same 0420 "$(sed -n 's/^Mode:\t//p' "$MSG/b/status")"
}

@test "chmod and msgctl change the same mode" {
	make a
	chmod 640 "$q"
	same drwxr-x--- "$(stat -c %A "$q")"
	same 640 "$(ipcs -q | awk -v id="$(cat "$q/id")" '$2 == id { print $4 }')"
	"$native" msg-mode "$key" 602
	same drwx----wx "$(stat -c %A "$q")"
	refused EPERM as 1000 chmod 666 "$q"
	same drwx----wx "$(stat -c %A "$q")"
	refused EPERM chmod 600 "$q/data"
	refused EPERM chmod 600 "$IPC/limits"
	refused EPERM chmod 600 "$MSG"
}

@test "chown changes the owner and group, for root only" {
	make a
	chown 1000:2000 "$q"
	same "1000 2000" "$(stat -c '%u %g' "$q")"
	chgrp 2001 "$q"
	same "1000 2001" "$(stat -c '%u %g' "$q")"
	refused EPERM as 1001 chown 1001 "$q"
	refused EPERM chown 1000 "$q/data"
	same 16384 "$(cat "$q/qbytes")"
}

@test "only the owner, the creator and root can remove or rename a queue" {
	as 1000 mkdir -m 777 "$MSG/a"
	refused EPERM as 1001 rmdir "$MSG/a"
	refused EPERM as 1001 mv "$MSG/a" "$MSG/b"
	[ -d "$MSG/a" ]
	as 1000 mv "$MSG/a" "$MSG/b"
	as 1000 rmdir "$MSG/b"
	as 1000 mkdir "$MSG/a"
	chown 1001 "$MSG/a"
	as 1001 rmdir "$MSG/a"
	refused ENOENT ls "$MSG/a"
}

@test "a queue without permissions for other users is listed, and its files cannot be opened" {
	as 1000 mkdir -m 700 "$MSG/a"
	same a "$(as 1001 ls "$MSG")"
	for file in data status qnum peek; do
		refused EACCES as 1001 cat "$MSG/a/$file"
	done
	refused EACCES as 1001 ls "$MSG/a"
	refused EACCES as 1001 ls "$MSG/a/type"
	as 1000 cat "$MSG/a/status" "$MSG/a/peek" "$MSG/a/qnum"
	refused EACCES as 1001 cat "$MSG/a/qnum"
}

@test "permissions are checked at open only" {
	make a 666
	chmod 666 "$q"
	start_in read reader "$native" as 1000 "$native" read-once "$q/data"
	chmod 600 "$q"
	put late "$q/data"
	ended reader
	same late "$(said reader)"
	refused EACCES as 1000 "$native" read-once "$q/data"
}

@test "a user with write permission only can send" {
	make a
	chmod 622 "$q"
	as 1000 sh -c 'echo hello >"$1"' sh "$q/data"
	same hello "$(cat "$q/next")"
	refused EACCES as 1000 cat "$q/next"
}
