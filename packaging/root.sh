#!/bin/sh
# usage: root.sh SUITE [DIRECTORY]
# A fresh Debian of that suite (bookworm, trixie) with systemd and nothing else, for the tests of packages and of booting.
# It is made once, kept as build/roots/SUITE.tar, and given out as that file's path, or unpacked into DIRECTORY, which must
# not exist yet; its resolv.conf is the machine's own. Wants root, and Debian's mmdebstrap; the machine itself is not touched.
set -eu

suite=${1:?usage: $0 SUITE [DIRECTORY]}
directory=${2:-}
home=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# LOTOR_ROOTS: where the made roots are kept instead, so that several checkouts share them.
roots=${LOTOR_ROOTS:-$home/build/roots}
kept=$roots/$suite.tar
# An init, what it speaks by, an apt that trusts certificates: what every installed Debian has.
packages=systemd,systemd-sysv,dbus,ca-certificates

make_root() {
    made=$(mktemp "$roots/$suite.XXXXXX")
    trap 'rm -f "$made" "$made.log"' EXIT
    trap 'exit 1' HUP INT TERM
    # What a power failure would cost does not matter here.
    if ! mmdebstrap --quiet --variant=minbase --include="$packages" --dpkgopt=force-unsafe-io \
        --customize-hook='echo debian >"$1/etc/hostname"' --format=tar \
        "$suite" - >"$made" 2>"$made.log"; then
        tail -n 20 "$made.log" >&2
        exit 1
    fi
    chmod 0644 "$made"
    mv "$made" "$kept"
    rm -f "$made.log"
    trap - EXIT
}

case "$suite" in *[!a-z]*) echo "$suite: not the name of a suite" >&2; exit 2 ;; esac
[ "$(id -u)" -eq 0 ] || { echo "$0: only root can make a root" >&2; exit 1; }
mkdir -p "$roots"
# Two tests that want the same root at once make it once.
exec 9>"$roots/$suite.lock"
flock 9
[ -e "$kept" ] || make_root
flock -u 9
if [ -z "$directory" ]; then echo "$kept"; exit 0; fi
mkdir "$directory"
tar --extract --numeric-owner --xattrs --file "$kept" --directory "$directory"
