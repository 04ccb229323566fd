#!/bin/sh
# Installs the Debian packages that building and testing need, when they are missing and we may.
# Each line of the table: a package, and a file or command that proves it (or its like from elsewhere) is there.
set -eu

table='
python3            python3
python3-venv       @python3 -c "import ensurepip, venv"
gcc                cc
libc6-dev          /usr/include/stdlib.h
ca-certificates    /etc/ssl/certs/ca-certificates.crt
git                git
iproute2           ip
iputils-ping       ping
procps             ps
util-linux         nsenter
nftables           nft
conntrack          conntrack
openssl            openssl
socat              socat
vpnc               vpnc
strongswan-charon  /usr/lib/ipsec/charon
strongswan-swanctl swanctl
libstrongswan-standard-plugins    /usr/lib/ipsec/plugins/libstrongswan-openssl.so
libcharon-extra-plugins    /usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so
libcharon-extauth-plugins  /usr/lib/ipsec/plugins/libstrongswan-xauth-generic.so
tshark             tshark
'

PATH="$PATH:/usr/sbin:/sbin"

proved() {
    case "$1" in
    @*) sh -c "${1#@}" >/dev/null 2>&1 ;;
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# PyO3 and the crates want Rust 1.85; Debian 12's own rustc is 1.63, but its package rustc-web is newer.
cargo_is_new_enough() {
    version=$(cargo --version 2>/dev/null | cut -d' ' -f2 | cut -d. -f1,2) || return 1
    [ -n "$version" ] || return 1
    [ "${version%%.*}" -gt 1 ] || [ "${version#*.}" -ge 85 ]
}

missing=''
while read -r package proof; do
    [ -n "$package" ] || continue
    proved "$proof" || missing="$missing $package"
done <<EOF
$table
EOF
cargo_is_new_enough || missing="$missing cargo-web rustc-web rustfmt-web"

[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "missing packages:$missing" >&2
    echo "install them: sudo apt-get install$missing   (or run: sudo make setup)" >&2
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    echo "missing:$missing (named as Debian 12 names them); this machine has no apt-get: install their like by hand" >&2
    exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # a list of packages
apt-get install -q -y --no-install-recommends $missing
cargo_is_new_enough || { echo "cargo is still older than 1.85: install a newer Rust (rustup.rs) and run make again" >&2; exit 1; }
