# Many blocked processes do not delay other operations. The limits end a hang; they do not judge speed.
load ../helper

# The operations that must stay quick.
everyday() {
	# ls fails if a process under signal/ ends meanwhile.
	ls -lR "$IPC" >/dev/null 2>&1 || true
	mkdir "$MSG/other" &&
		for i in 1 2 3 4 5; do
			put "$i" "$MSG/other/data" && same "$i" "$(cat "$MSG/other/next")" || return
		done &&
		rmdir "$MSG/other"
}

# Runs in a separate process, while the crowd is blocked.
everyday_in_time() {
	in_time 5000 everyday
}

@test "1000 blocked readers and 100 blocked writers delay no other operation, and SIGKILL ends them" {
	make empty
	make full
	fill "$q"
	cp "$q/peek" "$BATS_TEST_TMPDIR/full"
	export -f everyday everyday_in_time in_time same put complain
	"$native" crowd 1000 read "$MSG/empty/data" 5000 \
		"$native" crowd 100 write "$q/data" 5000 \
		bash -c everyday_in_time
	same_bytes "$BATS_TEST_TMPDIR/full" "$q/peek"
	put kept "$MSG/empty/data"
	same kept "$(cat "$MSG/empty/next")"
}

@test "200 blocked readers of 20 types delay no other operation, and SIGKILL ends them" {
	make a
	export -f everyday everyday_in_time in_time same put complain
	command=(bash -c everyday_in_time)
	for i in $(seq 20); do command=("$native" crowd 10 read "$q/type/$i/data" 5000 "${command[@]}"); done
	"${command[@]}"
	put kept "$q/type/7/data"
	same kept "$(cat "$q/next")"
}

@test "each of 100 readers gets one of 100 messages" {
	make a
	for i in $(seq 100); do start "reader$i" "$native" read-once "$q/data"; done
	seq 100 | "$native" msg-send-lines "$key" 1
	for i in $(seq 100); do ended "reader$i"; done
	cmp <(seq 100) <(for i in $(seq 100); do said "reader$i"; echo; done | sort -n)
	same 0 "$(cat "$q/qnum")"
}
