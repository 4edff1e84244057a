# shellcheck shell=bash
# What deps, up and check share. To be sourced; leaves the shell in the top folder of the repository.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# shellcheck disable=SC2034 # for the scripts
repository=$PWD

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$@"
	exit 1
}

need_root() {
	[ "$EUID" = 0 ] || die "must run as root: sudo $0${*:+ $*}"
}

# configure FOLDER [MESON OPTION...]: options count only when the folder is new.
# libfuse may be built as a subproject: its warnings are not ours to turn into errors.
configure() {
	local folder=$1 log=$1/setup.log
	shift
	[ ! -e "$folder/build.ninja" ] || return 0
	mkdir -p "$folder"
	if ! meson setup "$folder" -Dfuse3:werror=false "$@" >"$log" 2>&1; then
		cat "$log" >&2
		return 1
	fi
}

# build FOLDER [MESON OPTION...]: everything.
build() {
	configure "$@" && ninja --quiet -C "$1"
}

# Run under sudo in somebody's repository, leave what was built to that somebody.
give_back() {
	if [ "$EUID" = 0 ] && [ "$(stat -c %u .)" != 0 ]; then
		local made=(build*/ subprojects/packagecache subprojects/fuse-*/)
		chown -R --reference=. -- "${made[@]}" 2>/dev/null || true
	fi
}
