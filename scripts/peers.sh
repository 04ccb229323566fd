#!/bin/sh
# usage: peers.sh DIRECTORY
# Puts libreswan, OpenIKED and User Mode Linux there, out of Debian 12's packages: the two do not stand beside strongSwan,
# and need a kernel that carries ESP. Nothing is installed, and nothing of it starts by itself. 45 MB to fetch, 76 on disk.
set -eu

directory=$1
packages='user-mode-linux libreswan libldns3 libevent-pthreads-2.1-7 libnss3-tools openiked libevent-2.1-7 kmod libkmod2'
command -v apt-get >/dev/null || { echo 'peers in User Mode Linux are missing, and no apt-get: the tests run them' >&2; exit 1; }
case $(dpkg --print-architecture) in
    amd64 | i386) ;;
    *) echo 'Debian has no User Mode Linux for this machine: the tests of peers in it are skipped'; exit 0 ;;
esac
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
    find usr/lib/modules/*/kernel -type f ! -path '*/net/*' ! -path '*/crypto/*' ! -path '*/kernel/lib/*' -delete
)
cp -a "$place/all/." "$directory/"
