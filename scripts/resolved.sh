#!/bin/sh
# usage: resolved.sh DIRECTORY
# Puts systemd-resolved and resolvectl there: those of this machine, else the ones of Debian's package. Only these programs
# are taken out of the package, which would make /etc/resolv.conf lead to a systemd-resolved that may not run here.
set -eu

directory=$1
mkdir -p "$directory"
daemon=/usr/lib/systemd/systemd-resolved
if there=$(command -v resolvectl) && [ -x "$daemon" ]; then
    ln -sf "$there" "$daemon" "$directory/"
    exit 0
fi
command -v apt-get >/dev/null || { echo 'systemd-resolved is missing: install it, the tests run it' >&2; exit 1; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
cd "$place"
apt-get download -q systemd-resolved || { apt-get update -q && apt-get download -q systemd-resolved; }
dpkg-deb -x systemd-resolved_*.deb .
cd - >/dev/null
for program in usr/bin/resolvectl usr/lib/systemd/systemd-resolved lib/systemd/systemd-resolved; do
    if [ -x "$place/$program" ]; then install -m 755 "$place/$program" "$directory/"; fi
done
