# scripts/up, scripts/deps and meson install.
load ../helper

setup_file() {
	:
}

teardown_file() {
	:
}

setup() {
	declare -gA pid=()
	new_mount
	repository=$(realpath "$BATS_TEST_DIRNAME")
	while [ ! -e "$repository/scripts/up" ]; do repository=${repository%/*}; done
}

teardown() {
	end_all
	for _ in 1 2 3; do umount -l "$dir"/*/ 2>/dev/null; done
	rm -r "$dir"
}

up() {
	"$repository/scripts/up" "$@" 3>&- 4>&-
}

@test "a second scripts/up succeeds and does not mount again" {
	cp "$IPCFS" "$dir/ipcfs"
	mkdir "$dir/real"
	ln -s real "$dir/link"
	cd "$dir"
	for name in "$dir/new" "$dir/with space" link; do
		IPCFS=ipcfs up "$name"
		IPCFS=ipcfs run -0 up "$name"
		[[ $output == *"mounted already"* ]]
		same 1 "$(findmnt -lnt fuse.ipcfs -o TARGET | grep -c "$(realpath "$name")")"
		umount "$name"
	done
}

# The test runs in a new mount namespace, because /ipc can be in use.
@test "scripts/up without an argument mounts on /ipc, and only once" {
	cp "$IPCFS" "$dir/ipcfs"
	[ -d /ipc ] || { made=1 && mkdir /ipc; }
	run -0 unshare --mount bash -c '
		while umount -l /ipc; do :; done 2>/dev/null
		mount -t tmpfs tmpfs /ipc
		IPCFS=$1/ipcfs "$2/scripts/up" && IPCFS=$1/ipcfs "$2/scripts/up" &&
		findmnt -lnt fuse.ipcfs -o TARGET; umount /ipc' bash "$dir" "$repository" 3>&- 4>&-
	[ -z "${made:-}" ] || rmdir /ipc
	same 1 "$(grep -cx /ipc <<<"$output")"
	[[ $output == *"mounted already"* ]]
}

# deps: runs scripts/deps with fake package tools. They append their arguments to $dir/calls, and then run the function
# fake_NAME if the test defines it. An empty directory is mounted on /usr/sbin, in which the script writes a file.
deps() {
	local tool
	mkdir -p "$dir/bin" "$dir/sbin"
	for tool in apt-get apt-cache dpkg dpkg-query pkg-config timeout; do
		{
			echo '#!/bin/bash'
			echo "echo \"$tool \$*\" >>'$dir/calls'"
			if declare -f "fake_$tool" >/dev/null; then
				declare -f "fake_$tool"
				echo "fake_$tool \"\$@\""
			fi
		} >"$dir/bin/$tool"
		chmod 755 "$dir/bin/$tool"
	done
	unshare --mount bash -c 'mount --bind "$1/sbin" /usr/sbin && PATH=$1/bin:$PATH "$2/scripts/deps" --build' \
		bash "$dir" "$repository"
}

@test "scripts/deps sets no time limit on an installation" {
	deps
	grep "^apt-get .*install .*meson" "$dir/calls"
	run ! grep "^timeout" "$dir/calls"
}

@test "scripts/deps finishes an interrupted installation first" {
	fake_dpkg() { [ "$1" != --audit ] || echo "a package is only half configured"; }
	deps
	run -0 grep -n -e "^dpkg --configure -a" -e "^apt-get .*install" "$dir/calls"
	[[ ${lines[0]} == *"dpkg --configure -a"* && ${lines[1]} == *"apt-get "* ]]
}

@test "scripts/deps does not run dpkg --configure if no installation was interrupted" {
	deps
	run ! grep "^dpkg --configure" "$dir/calls"
}

@test "scripts/deps installs the libfuse of the system if it is new enough" {
	fake_pkg-config() { return 1; }
	fake_apt-cache() { [ "$1" != policy ] || printf 'libfuse3-dev:\n  Installed: (none)\n  Candidate: 3.17.2-3\n'; }
	fake_dpkg() { [ "$1" != --compare-versions ] || /usr/bin/dpkg "$@"; }
	deps
	grep "^apt-get .*install .*libfuse3-dev" "$dir/calls"
	run ! grep "^apt-get .*source" "$dir/calls"
}

@test "meson install installs ipcfs and its manual pages, and nothing of libfuse" {
	DESTDIR=$dir/root meson install --quiet -C "${IPCFS%/mountd/*}" --no-rebuild 3>&- 4>&-
	run -0 find "$dir/root" -type f -name "*ipcfs*"
	[ "${#lines[@]}" -gt 3 ]
	same "" "$(find "$dir/root" -type f ! -path "*/bin/ipcfs" ! -path "*/man/*")"
}
