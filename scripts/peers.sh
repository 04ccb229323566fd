#!/bin/sh
# usage: peers.sh DIRECTORY
# Puts libreswan, OpenIKED and User Mode Linux there, out of Debian 12's packages: the two do not stand beside strongSwan,
# and need a kernel that carries ESP. What User Mode Linux preloads (lab/registers.c) is built beside them. Nothing is
# installed, and nothing of it starts by itself. 45 MB to fetch, 76 on disk.
set -eu

directory=$1
programs='user-mode-linux libreswan libnss3-tools openiked kmod'
command -v apt-get >/dev/null || { echo 'peers in User Mode Linux are missing, and no apt-get: the tests run them' >&2; exit 1; }
case $(dpkg --print-architecture) in
    amd64 | i386) ;;
    *) echo 'Debian has no User Mode Linux for this machine: the tests of peers in it are skipped'; exit 0 ;;
esac
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
mkdir -p "$directory" "$place/all"

installed() {
    case "$(dpkg-query -W -f='${Status}' "$1" 2>/dev/null)" in *' installed') return 0 ;; *) return 1 ;; esac
}

# The programs, the libraries that they need and this machine lacks, and the libraries of those. Each release of Debian names
# them in its own way.
needed() {
    all=$programs
    fresh=$programs
    while [ -n "$fresh" ]; do
        # shellcheck disable=SC2086 # a list of packages
        libraries=$(apt-cache depends --important $fresh | sed -n 's/^  \(Pre\)*Depends: \(lib.*\)/\2/p')
        fresh=''
        for each in $libraries; do
            case " $all " in *" $each "*) continue ;; esac
            if ! installed "$each"; then fresh="$fresh $each" all="$all $each"; fi
        done
    done
    echo "$all"
}

fetch() {
    # shellcheck disable=SC2046 # a list of packages
    apt-get download -q $(needed)
}

(
    cd "$place"
    fetch || { apt-get update -q && fetch; }
    for each in *.deb; do dpkg-deb -x "$each" all; done
    cd all
    # All below /usr, which is laid over that of a node; modprobe looks in /usr/lib/modules.
    for each in bin sbin lib; do
        if [ -d "$each" ]; then cp -a "$each" usr/ && rm -rf "$each"; fi
    done
    if [ -d usr/lib/uml/modules ]; then mkdir -p usr/lib/modules && mv usr/lib/uml/modules/* usr/lib/modules/; fi
    rm -rf usr/share/doc usr/share/man etc var
    # Of the drivers, those of devices that lotor makes or that its tests do.
    find usr/lib/modules/*/kernel -type f ! -path '*/kernel/net/*' ! -path '*/crypto/*' ! -path '*/kernel/lib/*' \
        ! -name tun.ko ! -name dummy.ko ! -name veth.ko -delete
)
cp -a "$place/all/." "$directory/"
cc -O2 -Wall -Wextra -shared -fPIC -o "$directory/usr/lib/lotor-registers.so" "$(dirname "$0")/../lab/registers.c" -ldl
