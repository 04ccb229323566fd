#!/bin/sh
# usage: promtool.sh DIRECTORY
# Puts promtool there, which checks rules and figures as Prometheus does: that of this machine, else the one of Debian's
# package. Only this program is taken out of the package, which would start a server.
set -eu

directory=$1
if there=$(command -v promtool); then
    ln -sf "$there" "$directory/promtool"
    exit 0
fi
command -v apt-get >/dev/null || { echo 'promtool is missing: install Prometheus (prometheus.io), the tests need this program of it' >&2; exit 1; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
cd "$place"
apt-get download -q prometheus || { apt-get update -q && apt-get download -q prometheus; }
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xO ./usr/bin/promtool >promtool
cd - >/dev/null
install -m 755 "$place/promtool" "$directory/promtool"
