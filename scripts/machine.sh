#!/bin/sh
# usage: machine.sh DIRECTORY
# Puts Debian 12's own kernel there and a virtual machine that runs it, out of Debian's packages, for what User Mode Linux
# lacks. Nothing is installed, and nothing of it starts by itself. 43 MB to fetch, 160 on disk.
set -eu

directory=$1
command -v apt-get >/dev/null || { echo 'no apt-get: the virtual machine is made of packages of Debian' >&2; exit 1; }
[ "$(dpkg --print-architecture)" = amd64 ] || { echo 'the virtual machine is for amd64' >&2; exit 1; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
mkdir -p "$directory" "$place/all"

fetch() {
    kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^  Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    # shellcheck disable=SC2086 # a list of packages
    apt-get download -q qemu-system-x86 qemu-system-common qemu-system-data seabios kmod $kernel $(libraries)
}

# Those that the machine needs and this host lacks.
libraries() {
    for each in $(apt-cache depends --important qemu-system-x86 libibverbs1 libpmem1 libndctl6 |
        sed -n 's/^  \(Pre\)*Depends: \(lib.*\)/\2/p' | sort -u); do
        case "$(dpkg-query -W -f='${Status}' "$each" 2>/dev/null)" in *' installed') ;; *) echo "$each" ;; esac
    done
}

(
    cd "$place"
    fetch || { apt-get update -q && fetch; }
    for each in *.deb; do dpkg-deb -x "$each" all; done
    cd all
    mkdir -p usr/bin usr/lib
    for each in bin sbin lib; do
        if [ -d "$each" ]; then cp -a "$each" usr/ && rm -rf "$each"; fi
    done
    mv boot/vmlinuz-* usr/lib/vmlinuz
    rm -rf boot usr/share/doc usr/share/man etc var
    find usr/lib/modules/*/kernel -type f ! -path '*/kernel/net/*' ! -path '*/crypto/*' ! -path '*/kernel/lib/*' \
        ! -path '*/kernel/drivers/net/*' ! -path '*/drivers/virtio/*' ! -path '*/fs/fuse/*' ! -path '*/fs/overlayfs/*' -delete
    ln -s kmod usr/bin/depmod
    usr/bin/depmod -b usr "$(ls usr/lib/modules)"
)
cp -a "$place/all/." "$directory/"
