#!/bin/sh
# usage: peers.sh DIRECTORY
# Puts libreswan and User Mode Linux there, out of Debian's packages: libreswan does not stand beside strongSwan, and needs
# a kernel that carries ESP. Nothing is installed, and nothing of it starts by itself.
set -eu

directory=$1
packages='user-mode-linux libreswan libldns3 libevent-pthreads-2.1-7 libnss3-tools kmod libkmod2'
command -v apt-get >/dev/null || { echo 'libreswan in User Mode Linux is missing, and no apt-get: the tests run it' >&2; exit 1; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
mkdir -p "$directory" "$place/all"
(
    cd "$place"
    # shellcheck disable=SC2086 # a list of packages
    apt-get download -q $packages || { apt-get update -q && apt-get download -q $packages; }
    for each in *.deb; do dpkg-deb -x "$each" all; done
    cd all
    # All below /usr, which is laid over that of a node; modprobe looks in /usr/lib/modules.
    for each in bin sbin lib; do
        if [ -d "$each" ]; then cp -a "$each" usr/ && rm -rf "$each"; fi
    done
    if [ -d usr/lib/uml/modules ]; then mkdir -p usr/lib/modules && mv usr/lib/uml/modules/* usr/lib/modules/; fi
    rm -rf usr/share/doc usr/share/man etc var
    find usr/lib/modules/*/kernel -type f ! -path '*/net/*' ! -path '*/crypto/*' -delete
)
cp -a "$place/all/." "$directory/"
