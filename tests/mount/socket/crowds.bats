# Many connections at once, and connects that get no answer: a waiting request delays no other request. The limits are
# generous, because the machine may be busy.
load sockets

setup_file() {
	new_mount
	mount --bind "$dir" "$dir"
	mount --make-shared "$dir"
	new_network
	slow_names
	ipcfs_start
	# No program answers at 127.0.0.9; UDP port 53 exists, but is not read.
	serve_without_answer 127.0.0.9 80
	serve python3 -c '
import signal, socket
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(("127.0.0.9", 53))
signal.pause()'
	serve socat TCP4-LISTEN:7000,bind=127.0.0.1,fork,backlog=1024 EXEC:cat
	eventually listening -t 127.0.0.1:7000
	eventually listening -u 127.0.0.9:53
	export -f everyday everyday_in_time in_time same complain
}

teardown_file() {
	end_servers && ipcfs_stop && umount "$dir/network" "$dir" && rm -r "$dir"
}

# The resolver asks 127.0.0.9 for names that are not in /etc/hosts. The daemon's mount namespace has a resolv.conf of
# its own. $dir is a shared mount, so the daemon's mount below it is visible here as well.
slow_names() {
	printf 'nameserver 127.0.0.9\noptions timeout:30 attempts:3\n' >"$dir/resolv.conf"
	cat >"$dir/ipcfs-slow" <<-END
		#!/bin/sh
		exec unshare --mount --propagation unchanged sh -c '
			mount --make-private / && mount --bind "$dir/resolv.conf" /etc/resolv.conf && exec "\$@"' sh "$IPCFS" "\$@"
	END
	chmod 755 "$dir/ipcfs-slow"
	export IPCFS=$dir/ipcfs-slow
}

# Operations that have to stay quick: listing, dialling, announcing.
everyday() {
	local line server
	ls -l "$IPC" "$IPC"/socket/* "$IPC"/sysv/* >/dev/null || return
	for server in 127.0.0.1:7000 localhost:7000; do
		exec 7<>"$IPC/socket/tcp/dial/$server" && echo "hello" >&7 && read -r line <&7 && exec 7>&- || return
		same hello "$line" || return
	done
	mkdir "$IPC/socket/tcp/everyday" && echo "announce 127.0.0.1:0" >"$IPC/socket/tcp/everyday/ctl" &&
		rmdir "$IPC/socket/tcp/everyday"
}

everyday_in_time() {
	in_time 5000 everyday
}

# clients COUNT HOST PORT: makes COUNT connections at once in one native process. When all are made, each sends its
# number and expects the answer to it.
clients() {
	"$net" python3 -c '
import asyncio, sys
count, host, port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
async def talk(i, reader, writer):
    writer.write(b"%d\n" % i)
    answer = await reader.readline()
    assert answer == b"answer to %d\n" % i, answer
    assert await reader.read() == b""
    writer.close()
async def main():
    calls = await asyncio.gather(*(asyncio.open_connection(host, port) for _ in range(count)))
    await asyncio.gather(*(talk(i, *call) for i, call in enumerate(calls)))
asyncio.run(main())' "$@"
}

@test "one thread accepts 500 connections, and each client gets its answer" {
	announced tcp a 127.0.0.1:0
	start server python3 -c '
import os, sys
calls = [os.open(sys.argv[1], os.O_RDWR) for _ in range(500)]
for call in calls:
    os.write(call, b"answer to " + os.read(call, 100))
    os.close(call)' "$c/accept"
	clients 500 127.0.0.1 "$port"
	ended server
}

@test "each of 500 threads that wait in accept gets one of 500 connections" {
	announced tcp a 127.0.0.1:0
	start server python3 -c '
import os, sys, threading
def serve():
    call = os.open(sys.argv[1], os.O_RDWR)
    os.write(call, b"answer to " + os.read(call, 100))
    os.close(call)
threads = [threading.Thread(target=serve) for _ in range(500)]
for thread in threads:
    thread.start()
open(sys.argv[2], "w").close()
for thread in threads:
    thread.join()' "$c/accept" "$BATS_TEST_TMPDIR/ready"
	eventually [ -e "$BATS_TEST_TMPDIR/ready" ]
	everyday_in_time
	clients 500 127.0.0.1 "$port"
	ended server
}

@test "500 processes that wait in accept slow nothing down, and die at once" {
	announced tcp a 127.0.0.1:0
	"$native" crowd 500 open "$c/accept" 5000 bash -c everyday_in_time
	# None of them has taken a connection with it.
	start server cat "$c/accept"
	echo hello | "$net" nc -N 127.0.0.1 "$port"
	ended server
	same hello "$(said server)"
}

@test "each of 500 announced conversations answers its client" {
	python3 - "$TCP" >where <<-'END'
		import os, sys
		for i in range(500):
		    c = f"{sys.argv[1]}/{i}"
		    os.mkdir(c)
		    open(c + "/ctl", "w").write("announce 127.0.0.1:0")
		    print(open(c + "/local").read(), end="")
	END
	same 500 "$(sort -u where | wc -l)"
	same 500 "$("$net" ss -Hltn src 127.0.0.1 | grep -cFf where)"
	in_time 5000 ls -l "$TCP" >/dev/null
	# The clients dial through the tree as well, all before the first answer.
	python3 - "$TCP" <<-'END'
		import os, sys
		tcp = sys.argv[1]
		where = open("where").read().split()
		clients = [os.open(f"{tcp}/dial/{address}", os.O_RDWR) for address in where]
		for i, client in enumerate(clients):
		    os.write(client, b"%d" % i)
		calls = [os.open(f"{tcp}/{i}/accept", os.O_RDWR) for i in range(500)]
		for call in calls:
		    os.write(call, b"answer to " + os.read(call, 100))
		for i, client in enumerate(clients):
		    assert os.read(client, 100) == b"answer to %d" % i
	END
	everyday_in_time
	in_time 5000 remove_sockets
	same "" "$("$net" ss -Hltn src 127.0.0.1 | grep -Ff where || true)"
}

@test "an unanswered dial dies at once by SIGINT and SIGKILL, while 200 others are answered" {
	start_in open hung env --default-signal=INT "$native" read-once "$TCP/dial/127.0.0.9:80"
	start_in open hung2 "$native" read-once "$TCP/dial/127.0.0.9:80"
	for i in {1..200}; do
		start "call$i" bash -c 'exec 7<>"$1" && echo "$2" >&7 && read -r line <&7 && echo "$line"' call \
			"$TCP/dial/127.0.0.1:7000" "$i"
	done
	for i in {1..200}; do
		ended "call$i"
		same "$i" "$(said "call$i")"
	done
	everyday_in_time
	still hung
	still hung2
	kill -INT "${pid[hung]}"
	in_time 5000 ended hung 130
	kill -KILL "${pid[hung2]}"
	in_time 5000 ended hung2 137
	# They leave no trace.
	eventually no_calls
}

@test "200 unanswered dials slow nothing down, and die at once" {
	"$native" crowd 200 open "$TCP/dial/127.0.0.9:80" 5000 bash -c everyday_in_time
}

@test "a slow look-up slows nothing down, and dies at once by SIGINT and SIGKILL" {
	start_in open hung env --default-signal=INT "$native" read-once "$TCP/dial/slow.example:80"
	start_in open hung2 "$native" as 1000 "$native" read-once "$TCP/dial/slow.example:80"
	everyday_in_time
	as 1000 bash -c everyday_in_time
	as 1001 bash -c everyday_in_time
	still hung
	still hung2
	kill -INT "${pid[hung]}"
	in_time 5000 ended hung 130
	kill -KILL "${pid[hung2]}"
	in_time 5000 ended hung2 137
}

@test "100 slow look-ups of one user do not delay the look-ups of other users" {
	mkdir -m 777 flags
	start crowd "$native" as 1000 "$native" crowd 100 open "$TCP/dial/slow.example:80" 5000 bash -c '
		touch "$1"
		while [ -e "$1" ]; do sleep 0.05; done' bash "$dir/flags/blocked"
	eventually [ -e flags/blocked ]
	everyday_in_time
	as 1001 bash -c everyday_in_time
	# A dial without a look-up is quick for that user too.
	in_time 5000 as 1000 bash -c 'exec 7<>"$1" && echo hello >&7 && read -r line <&7' bash "$TCP/dial/127.0.0.1:7000"
	rm flags/blocked
	ended crowd
	rmdir flags
}
