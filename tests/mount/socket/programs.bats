# Ordinary programs at the other end of sockets in the tree: web servers, curl, Redis, socat, nc.
load sockets

setup_file() {
	new_mount
	new_network
	ipcfs_start
	export www=$dir/www
	mkdir "$www"
	cp "$dir/bytes" "$www"
	seq 1000 >"$www/numbers"
	serve python3 -m http.server --bind 127.0.0.1 --directory "$www" 8080
	serve python3 -m http.server --bind ::1 --directory "$www" 8080
	serve redis-server --bind 127.0.0.1 --port 6379 --unixsocket "$dir/redis" --save '' --dir "$dir"
	nginx_on "$dir/nginx" "$UNIX/nginx"
	eventually listening -t 127.0.0.1:8080
	eventually listening -t '[::1]:8080'
	eventually listening -t 127.0.0.1:6379
	eventually [ -S "$dir/redis" ]
	eventually [ -S "$UNIX/nginx" ]
}

# nginx_on PATH...: starts nginx, which serves $www on unix sockets.
nginx_on() {
	local path
	{
		echo "daemon off; master_process off; user root; pid $dir/nginx.pid; events { } http { access_log off; server {"
		for path; do echo "listen unix:$path;"; done
		echo "root $www; } }"
	} >"$dir/nginx.conf"
	serve nginx -e "$dir/nginx.log" -p "$dir" -c "$dir/nginx.conf"
}

# Removes conversations and sockets, but not those of the servers of this file.
remove_sockets() {
	find "$TCP" "$UDP" "$UNIX" "$UNIXGRAM" "$UNIXPACKET" -mindepth 1 -maxdepth 1 ! -name dial ! -name nginx \
		\( -type d -exec rmdir {} + -o -type s -delete \)
}

# fetch FILE PATH: prints the page that a web server returns; opening FILE connects to the server.
fetch() {
	local answer=$BATS_TEST_TMPDIR/answer.$BASHPID
	exec 7<>"$1"
	printf 'GET %s HTTP/1.0\r\n\r\n' "$2" >&7
	cat <&7 >"$answer"
	exec 7>&-
	head -n 1 "$answer" | grep -q ' 200 OK' || complain "$(head -c 300 "$answer")" || return
	sed '1,/^\r$/d' "$answer"
}

# ask COMMAND: sends one line to the server on descriptor 7 and prints the answer. Redis ends lines with CR LF.
ask() {
	local line
	printf '%s\r\n' "$1" >&7
	read -r line <&7
	printf '%s\n' "${line%$'\r'}"
}

# -- The web -----------------------------------------------------------------------------------------------------------

@test "printf and cat fetch a web page from an IPv4 address, an IPv6 address and a name" {
	for server in 127.0.0.1:8080 '[::1]:8080' localhost:8080; do
		fetch "$TCP/dial/$server" /numbers >got
		same_bytes "$www/numbers" got
		fetch "$TCP/dial/$server" /bytes >got
		same_bytes "$www/bytes" got
	done
}

@test "nginx answers on a unix socket" {
	fetch "$UNIX/dial$dir/nginx" /bytes >got
	same_bytes "$www/bytes" got
	# Twenty clients at once.
	for i in {1..20}; do start "$i" bash -c "$(declare -f fetch complain); fetch \"\$@\"" fetch "$UNIX/dial$dir/nginx" /numbers; done
	for i in {1..20}; do
		ended "$i"
		same_bytes "$www/numbers" "$BATS_TEST_TMPDIR/$i"
	done
}

@test "curl reaches nginx on a socket in the tree" {
	curl -sS --unix-socket "$UNIX/nginx" http://any/bytes >got
	same_bytes "$www/bytes" got
	same "srw-rw-rw-" "$(stat -c %A "$UNIX/nginx")"
	# Many requests over one connection.
	curl -sS --unix-socket "$UNIX/nginx" 'http://any/numbers?[1-50]' >got
	same 50000 "$(wc -l <got)"
}

@test "curl reaches a Python web server on a socket in the tree, also after a rename" {
	start web python3 -c '
import http.server, os, socketserver, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def address_string(self):
        return "somebody"
os.chdir(sys.argv[2])
socketserver.ThreadingUnixStreamServer(sys.argv[1], Handler).serve_forever()' "$UNIX/web" "$www"
	eventually curl -s --unix-socket "$UNIX/web" http://any/
	curl -sS --unix-socket "$UNIX/web" http://any/bytes >got
	same_bytes "$www/bytes" got
	mv "$UNIX/web" "$UNIX/moved"
	curl -sS --unix-socket "$UNIX/moved" http://any/numbers >got
	same_bytes "$www/numbers" got
	kill "${pid[web]}"
	ended web 143
	run ! curl -s --unix-socket "$UNIX/moved" http://any/numbers
	rm "$UNIX/moved"
}

# shell_web CONVERSATION: a web server in bash, which tells each client its number.
shell_web() {
	local request header i=0
	while
		{
			read -r request
			while read -r header && [ "$header" != $'\r' ]; do :; done
			i=$((i + 1))
			printf 'HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%d: %s\n' $((${#request} + ${#i} + 2)) "$i" "${request%$'\r'}"
		} <>"$1/accept" >&0
	do :; done
}

@test "curl reaches a web server in bash" {
	announced tcp web 127.0.0.1:0
	start web shell_web "$c"
	for i in 1 2 3; do same "$i: GET /a HTTP/1.1" "$("$net" curl -sS "http://$local/a")"; done
	# Twenty clients at once: each gets an answer of its own.
	"$net" curl -sS --parallel --parallel-immediate --parallel-max 20 "http://$local/[1-20]" >got
	same "$(seq 4 23)" "$(cut -d : -f 1 got | sort -n)"
	same "$(seq -f 'GET /%g HTTP/1.1' 20)" "$(cut -d ' ' -f 2- got | sort -V)"
}

@test "curl reaches a Python program that opens accept, over IPv6" {
	announced tcp web '[::1]:0'
	start web python3 -c '
import os, sys, threading
def serve(call):
    with open(call, "r+b", buffering=0) as caller:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += caller.read(65536)
        path = request.split()[1].decode().partition("?")[0]
        body = open(sys.argv[2] + path, "rb").read()
        caller.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        while body:
            body = body[caller.write(body):]
while True:
    threading.Thread(target=serve, args=(os.open(sys.argv[1], os.O_RDWR),)).start()' "$c/accept" "$www"
	for file in numbers bytes; do
		"$net" curl -sS "http://$local/$file" >got
		same_bytes "$www/$file" got
	done
	"$net" curl -sS --parallel --parallel-immediate "http://$local/numbers?[1-20]" >got
	same 20000 "$(wc -l <got)"
}

# -- Redis -------------------------------------------------------------------------------------------------------------

@test "printf and read use Redis over a unix socket and TCP" {
	for server in "$UNIX/dial$dir/redis" "$TCP/dial/127.0.0.1:6379"; do
		exec 7<>"$server"
		same +PONG "$(ask PING)"
		same +OK "$(ask 'SET colour green')"
		same green "$("$net" redis-cli GET colour)"
		"$net" redis-cli SET colour 'red and blue'
		same '$12' "$(ask 'GET colour')"
		read -r line <&7
		same $'red and blue\r' "$line"
		[[ "$(ask nonsense)" == -ERR* ]]
		exec 7>&-
	done
}

@test "Redis stores and returns binary data, and publishes messages" {
	exec 7<>"$TCP/dial/127.0.0.1:6379"
	{
		printf '*3\r\n$3\r\nSET\r\n$5\r\nbytes\r\n$65536\r\n'
		cat "$dir/bytes"
		printf '\r\n'
	} >&7
	read -r line <&7
	same $'+OK\r' "$line"
	"$net" redis-cli --raw GET bytes | head -c 65536 >got
	same_bytes "$dir/bytes" got
	printf 'GET bytes\r\nQUIT\r\n' >&7
	cat <&7 >got
	exec 7>&-
	same_bytes <(printf '$65536\r\n' && cat "$dir/bytes" && printf '\r\n+OK\r\n') got

	start listener bash -c 'exec 7<>"$1" && printf "SUBSCRIBE news\r\n" >&7 && cat <&7' listener "$UNIX/dial$dir/redis"
	eventually [ -s "$BATS_TEST_TMPDIR/listener" ]
	same 1 "$("$net" redis-cli PUBLISH news 'it rains')"
	eventually grep -q 'it rains' "$BATS_TEST_TMPDIR/listener"
}

# -- socat and nc: byte streams ------------------------------------------------------------------------------------------

# echoed FILE: an echo server returns the bytes sent to it.
echoed() {
	exec 7<>"$1"
	same hello "$(ask hello)"
	head -c 20000 "$dir/bytes" >&7
	head -c 20000 <&7 >got
	cmp <(head -c 20000 "$dir/bytes") got
	exec 7>&-
}

@test "tcp: dial reaches socat, IPv4 and IPv6" {
	start four "$net" socat TCP4-LISTEN:7000,fork,reuseaddr EXEC:cat
	start six "$net" socat TCP6-LISTEN:7000,fork,reuseaddr,ipv6only EXEC:cat
	eventually listening -t 0.0.0.0:7000
	eventually listening -t '[::]:7000'
	echoed "$TCP/dial/127.0.0.1:7000"
	echoed "$TCP/dial/[::1]:7000"
}

@test "tcp: socat and nc reach accept" {
	announced tcp a 127.0.0.1:0
	start caller "$net" socat -u "$dir/bytes" "TCP4:$local"
	cat "$c/accept" >got
	ended caller
	same_bytes "$dir/bytes" got
	start caller "$net" nc -N 127.0.0.1 "$port"
	echo "hello, nc" >"$c/accept"
	ended caller
	same "hello, nc" "$(said caller)"
}

@test "tcp: dial reaches nc" {
	start server "$net" nc -l 127.0.0.1 7000
	eventually listening -t 127.0.0.1:7000
	cat "$dir/bytes" >"$TCP/dial/127.0.0.1:7000"
	ended server
	same_bytes "$dir/bytes" "$BATS_TEST_TMPDIR/server"
}

@test "unix: dial reaches socat and nc" {
	start server socat "UNIX-LISTEN:$dir/s,fork,unlink-early" EXEC:cat
	eventually [ -S s ]
	echoed "$UNIX/dial$dir/s"
	start server2 nc -lU "$dir/n"
	eventually [ -S n ]
	cat "$dir/bytes" >"$UNIX/dial$dir/n"
	ended server2
	same_bytes "$dir/bytes" "$BATS_TEST_TMPDIR/server2"
	# An abstract name belongs to the network namespace.
	start server3 "$net" socat ABSTRACT-LISTEN:room,fork EXEC:cat
	eventually listening -x @room
	echoed "$UNIX/dial/@room"
	rm s n
}

@test "unix: socat and nc reach accept" {
	announced unix a "$dir/a"
	start caller nc -NU "$dir/a"
	echo "hello, nc" >"$c/accept"
	ended caller
	same "hello, nc" "$(said caller)"
	start caller socat -u "$dir/bytes" "UNIX-CONNECT:$dir/a"
	cat "$c/accept" >got
	ended caller
	same_bytes "$dir/bytes" got
	announced unix b @b
	start caller "$net" socat -u "$dir/bytes" ABSTRACT-CONNECT:b
	cat "$c/accept" >got
	ended caller
	same_bytes "$dir/bytes" got
	rm -f a
}

@test "unix: socat and nc listen and connect in the tree" {
	start server socat "UNIX-LISTEN:$UNIX/s,fork" EXEC:cat
	eventually [ -S "$UNIX/s" ]
	same hello "$(echo hello | nc -NU "$UNIX/s")"
	same hello "$(echo hello | socat - "UNIX-CONNECT:$UNIX/s")"
	start server2 nc -lU "$UNIX/n"
	eventually [ -S "$UNIX/n" ]
	socat -u "$dir/bytes" "UNIX-CONNECT:$UNIX/n"
	ended server2
	same_bytes "$dir/bytes" "$BATS_TEST_TMPDIR/server2"
	rm "$UNIX/n"
}

# -- socat and nc: datagrams and packets ---------------------------------------------------------------------------------

@test "udp: dial reaches socat, IPv4 and IPv6" {
	start four "$net" socat UDP4-RECVFROM:7000,fork EXEC:cat
	start six "$net" socat UDP6-RECVFROM:7000,fork,ipv6only EXEC:cat
	eventually listening -u 0.0.0.0:7000
	eventually listening -u '[::]:7000'
	for server in 127.0.0.1:7000 '[::1]:7000'; do
		exec 7<>"$UDP/dial/$server"
		same hello "$(ask hello)"
		same again "$(ask again)"
		exec 7>&-
	done
}

@test "udp: a conversation answers socat and nc" {
	announced udp a 127.0.0.1:0
	start one bash -c 'exec "$1" socat -t 20 - "UDP4:$2" <<<"from socat"' one "$net" "$local"
	exec 7<>"$c/records"
	read -r from length <&7
	same 11 "$length"
	read -r text <&7
	same "from socat" "$text"
	read -r _ <&7
	start two bash -c 'exec "$1" nc -u -w 20 127.0.0.1 "$2" <<<"from nc"' two "$net" "$port"
	read -r from2 length <&7
	read -r text <&7
	same "8 from nc" "$length $text"
	printf '%s 6\nto nc\n\n%s 9\nto socat\n\n' "$from2" "$from" >&7
	exec 7>&-
	eventually [ -s "$BATS_TEST_TMPDIR/one" ]
	eventually [ -s "$BATS_TEST_TMPDIR/two" ]
	same "to socat, to nc" "$(said one), $(said two)"
}

@test "unixgram: a dial and a conversation exchange messages with socat" {
	start server socat -u "UNIX-RECV:$dir/s" STDOUT
	eventually [ -S s ]
	exec 7>"$UNIXGRAM/dial$dir/s"
	echo one >&7
	echo two >&7
	exec 7>&-
	eventually grep -q two "$BATS_TEST_TMPDIR/server"
	same $'one\ntwo' "$(said server)"

	converse unixgram a bind "$dir/a"
	echo hello | socat -u - "UNIX-SENDTO:$dir/a"
	message 5000 | socat -u -b 5000 - "UNIX-SENDTO:$dir/a"
	exec 7<"$c/data"
	read -r line <&7
	same hello "$line"
	cmp <(message 5000) <("$native" read-once "/dev/fd/7")
	exec 7>&-
	rm -f s a
}

@test "unixpacket: a dial and a conversation exchange messages with socat" {
	start server socat "UNIX-LISTEN:$dir/s,type=5,fork" EXEC:cat
	eventually [ -S s ]
	exec 7<>"$UNIXPACKET/dial$dir/s"
	same hello "$(ask hello)"
	same again "$(ask again)"
	exec 7>&-

	announced unixpacket a "$dir/a"
	message 12000 >sent
	start caller socat -u -b 5000 OPEN:sent "UNIX-CONNECT:$dir/a,type=5"
	same $'5000\n5000\n2000\n0' "$("$native" read-lengths "$c/accept" 65536 4)"
	ended caller
	rm -f s a
}

@test "unixgram and unixpacket: programs bind in the tree" {
	start gram socat -u "UNIX-RECV:$UNIXGRAM/s" STDOUT
	eventually [ -S "$UNIXGRAM/s" ]
	echo hello | socat -u - "UNIX-SENDTO:$UNIXGRAM/s"
	eventually grep -q hello "$BATS_TEST_TMPDIR/gram"
	start packet socat "UNIX-LISTEN:$UNIXPACKET/s,type=5" EXEC:cat
	eventually [ -S "$UNIXPACKET/s" ]
	same hello "$(echo hello | socat - "UNIX-CONNECT:$UNIXPACKET/s,type=5")"
}
