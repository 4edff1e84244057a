# The attributes of a queue, compared with ipcs.
load ../helper

# of_ipcs FIELD: prints the value of `ipcs -q -i`.
of_ipcs() {
	ipcs -q -i "$(cat "$q/id")" | tr '\t' ' ' | grep -o "\b$1=[^ ]*" | head -1 | cut -d= -f2
}

# of_status LABEL: prints the value in status.
of_status() {
	sed -n "s/^$1:\t//p" "$q/status"
}

@test "each attribute has the value that ipcs shows" {
	make a 640
	chown 1000:1001 "$q"
	"$native" msg-send "$key" 1 hello
	put "to go" "$q/type/3/data"
	"$native" msg-receive "$key" 1
	same 1 "$(cat "$q/qnum")"
	same 5 "$(cat "$q/cbytes")"
	same 16384 "$(cat "$q/qbytes")"
	for field in qnum cbytes qbytes lspid lrpid; do
		same "$(of_ipcs "$field")" "$(cat "$q/$field")"
	done
	same 1000,1001,0,0 "$(of_status Uid),$(of_status Gid),$(of_status Cuid),$(of_status Cgid)"
	same 0640 "$(of_status Mode)"
	same "$(ipcs -q -i "$(cat "$q/id")" | grep -c "uid=1000.*gid=1001.*cuid=0.*cgid=0")" 1
}

@test "status has each attribute that has a file" {
	make a
	put x "$q/data"
	for field in key id qnum cbytes qbytes lspid lrpid stime rtime ctime; do
		same "$(cat "$q/$field")" "$(of_status "${field^}")"
	done
	same 15 "$(grep -c $'^[A-Z][a-z]*:\t' "$q/status")"
	same 15 "$(wc -l <"$q/status")"
}

@test "lspid and lrpid are the pids of native callers" {
	make a
	start sender "$native" msg-send "$key" 1 x
	sender=${pid[sender]}
	ended sender
	same "$sender" "$(cat "$q/lspid")"
	start receiver "$native" msg-receive "$key"
	receiver=${pid[receiver]}
	ended receiver
	same "$receiver" "$(cat "$q/lrpid")"
}

@test "stime, rtime and ctime are ISO 8601 times of the last send, receive and change" {
	before=$(date +%s)
	make a
	same $'never\nnever' "$(cat "$q/stime" "$q/rtime")"
	put x "$q/data"
	cat "$q/next"
	for field in stime rtime ctime; do
		[[ $(cat "$q/$field") =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9:]{4,5})$ ]] ||
			complain "$field: $(cat "$q/$field")"
		then=$(date -d "$(cat "$q/$field")" +%s)
		[ "$then" -ge "$before" ] && [ "$then" -le "$(date +%s)" ]
	done
	[ "$(stat -c %Y "$q")" -ge "$before" ]
	same "$(date -d "$(cat "$q/ctime")" +%s)" "$(stat -c %Z "$q")"
}

@test "the first read of an open file takes a snapshot of the attribute" {
	make a
	exec 8<"$q/status"
	read -r first <&8
	put x "$q/data"
	rest=$(cat <&8)
	exec 8<&-
	[[ $rest == *$'Qnum:\t0'* ]]
	same 1 "$(cat "$q/qnum")"
}

@test "qbytes can be lowered, and raised up to msgmnb" {
	make a
	echo 100 >"$q/qbytes"
	same "100 100" "$(cat "$q/qbytes") $(of_ipcs qbytes)"
	env printf '%0100d' 0 >"$q/data"
	refused EAGAIN "$native" nonblocking "$q/data" write x
	printf 16K >"$q/qbytes"
	same 16384 "$(of_ipcs qbytes)"
}

@test "invalid text for qbytes changes nothing" {
	make a
	for text in x -1 "1 2" 16Q 99999999999 0x10; do
		refused EINVAL put "$text" "$q/qbytes"
	done
	why_is "write sysv/msg/a/qbytes: EINVAL: "
	same 16384 "$(cat "$q/qbytes")"
}

@test "raising qbytes above msgmnb needs CAP_SYS_RESOURCE" {
	make a 666
	chown 1000 "$q"
	as 1000 sh -c 'echo 5000 >"$1"' sh "$q/qbytes"
	same 5000 "$(cat "$q/qbytes")"
	refused EPERM as 1000 bash -c 'echo 20000 >"$1"' sh "$q/qbytes"
	[[ "$(as 1000 cat "$IPC/why")" == *"limits/msgmnb"* ]]
	same 5000 "$(cat "$q/qbytes")"
}

@test "only the owner can set qbytes" {
	make a 666
	run ! as 1000 sh -c 'echo 5000 >"$1"' sh "$q/qbytes"
	same 16384 "$(cat "$q/qbytes")"
	same 16384 "$(as 1000 cat "$q/qbytes")"
}

@test "other attributes cannot be written" {
	make a
	for file in key id qnum cbytes lspid lrpid stime rtime ctime status peek next drain; do
		refused EACCES put 1 "$q/$file"
	done
}
