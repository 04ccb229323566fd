#!/bin/sh
# usage: system-packages.sh GROUP...
# Installs the Debian packages that a purpose needs, when they are missing and we may. The groups: `build` (to build and
# run lotor), `lab` (network namespaces: the demo), `fleet` (the demo of a fleet, too), `test` (peers and tools of the
# tests), `bench`.
#
# No package that comes in by this enables or starts an IKE daemon, a firewall or a server of logins: the services of
# strongSwan, firewalld, fail2ban, FreeRADIUS and OpenLDAP are masked before they are installed. What is there already is the
# administrator's own and stays as it is.
set -eu

# A group, a package, and a file or command that proves it (or its like from elsewhere) is there.
table='
build  python3            python3
build  python3-venv       @python3 -c "import ensurepip, venv"
build  gcc                cc
build  libc6-dev          /usr/include/stdlib.h
build  ca-certificates    /etc/ssl/certs/ca-certificates.crt
build  git                git
build  nftables           nft
lab    iproute2           ip
lab    iputils-ping       ping
lab    procps             ps
lab    util-linux         nsenter
lab    nftables           nft
lab    socat              socat
lab    vpnc               vpnc
lab    freeradius         freeradius
test   conntrack          conntrack
test   openssl            openssl
test   vpnc               vpnc
test   strongswan-charon  /usr/lib/ipsec/charon
test   strongswan-swanctl swanctl
test   libstrongswan-standard-plugins    /usr/lib/ipsec/plugins/libstrongswan-openssl.so
test   libcharon-extra-plugins    /usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so
test   libcharon-extauth-plugins  /usr/lib/ipsec/plugins/libstrongswan-xauth-generic.so
test   tshark             tshark
test   lintian            lintian
test   mmdebstrap         mmdebstrap
test   mandoc             mandoc
test   zsh                zsh
test   fish               fish
test   systemd-container  systemd-nspawn
test   dbus-daemon        dbus-daemon
test   eapoltest          eapol_test
test   strongswan-nm      /usr/lib/ipsec/charon-nm
test   pebble             pebble
test   libpam0g-dev       /usr/include/security/pam_modules.h
test   libpam-google-authenticator  @ls /lib/*/security/pam_google_authenticator.so
test   iptables           iptables
test   ufw                ufw
test   firewalld          firewall-cmd
test   freeradius         freeradius
test   freeradius-utils   radclient
test   slapd              slapd
test   ldap-utils         ldapsearch
test   fail2ban           fail2ban-regex
test   sqlite3            sqlite3
test   chromium-headless-shell  @command -v chromium-headless-shell || command -v chromium
test   postgresql         @ls /usr/lib/postgresql/*/bin/postgres
fleet  postgresql         @ls /usr/lib/postgresql/*/bin/postgres
bench  openvpn            openvpn
bench  iperf3             iperf3
'
# The services that Debian would enable, of what comes in.
services=''

# The tests look at another directory in place of /.
root=${LOTOR_SYSTEM_ROOT:-}
PATH="$PATH:$root/usr/sbin:$root/sbin"
policy="$root/usr/sbin/policy-rc.d"

proved() {
    case "$1" in
    @*) sh -c "${1#@}" >/dev/null 2>&1 ;;
    /*) [ -e "$root$1" ] ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# PyO3 and the crates want Rust 1.85; Debian 12's own rustc is 1.63, but its package rustc-web is newer.
cargo_is_new_enough() {
    version=$(cargo --version 2>/dev/null | cut -d' ' -f2 | cut -d. -f1,2) || return 1
    [ -n "$version" ] || return 1
    [ "${version%%.*}" -gt 1 ] || [ "${version#*.}" -ge 85 ]
}

wanted() {
    case " $groups " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}

missing_packages() {
    while read -r group package proof; do
        if [ -z "$group" ] || ! wanted "$group"; then continue; fi
        case " $missing " in *" $package "*) continue ;; esac
        proved "$proof" || missing="$missing $package"
    done <<END
$table
END
    if wanted build && ! cargo_is_new_enough; then missing="$missing cargo-web rustc-web rustfmt-web"; fi
}

installed() {
    case "$(dpkg-query -W -f='${Status}' "$1" 2>/dev/null)" in *' installed') return 0 ;; *) return 1 ;; esac
}

# Whether a daemon comes in that is not here yet, by the packages that bring it.
brings() {
    for daemon in "$@"; do
        if installed "$daemon"; then return 1; fi
    done
    for daemon in "$@"; do
        case " $missing " in *" $daemon "*) return 0 ;; esac
    done
    return 1
}

mask() {
    if command -v systemctl >/dev/null; then
        # shellcheck disable=SC2086 # a list of services
        systemctl mask --quiet $services
    else
        mkdir -p "$root/etc/systemd/system"
        for service in $services; do ln -sfn /dev/null "$root/etc/systemd/system/$service"; done
    fi
}

# For hosts without systemd: while packages come in, no script of theirs starts a daemon. What stands there already is
# the administrator's word.
forbid_starting() {
    if [ -e "$policy" ]; then return 0; fi
    mkdir -p "${policy%/*}"
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    cat >"$policy" <<'END'
#!/bin/sh
# Written by lotor's scripts/system-packages.sh for the time of an installation; it may be removed.
for word in "$@"; do
    case "$word" in ipsec | ipsec.service | strongswan* | firewalld* | freeradius* | slapd* | fail2ban* | postgresql*) exit 101 ;; esac
done
exit 0
END
    chmod 755 "$policy"
}

# The package unmasks what a former removal of it had masked: so once more, and whatever runs by then ends.
silence() {
    mask
    # shellcheck disable=SC2086 # a list of services
    if [ -d "$root/run/systemd/system" ]; then systemctl stop $services; fi
    if ! command -v systemctl >/dev/null; then
        for each in ipsec slapd fail2ban postgresql; do
            if [ -x "$root/etc/init.d/$each" ]; then update-rc.d "$each" disable; fi
        done
    fi
    echo "here for the tests only, and masked: systemctl unmask$services"
}

install_missing() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    # Nothing that is installed goes away for this: libreswan, for one, does not stand beside strongSwan.
    # shellcheck disable=SC2086 # a list of packages
    apt-get install -q -y --no-install-recommends --no-remove $missing
}

groups="$*"
[ -n "$groups" ] || { echo "usage: $0 build|lab|fleet|test|bench ..." >&2; exit 2; }
missing=''
missing_packages
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "missing packages:$missing" >&2
    echo "install them: sudo $0 $groups" >&2
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    echo "missing:$missing (named as Debian 12 names them); this machine has no apt-get: install their like by hand" >&2
    exit 1
fi
echo "installing:$missing"
if brings strongswan-starter strongswan-charon; then services="$services strongswan-starter.service ipsec.service"; fi
if brings firewalld; then services="$services firewalld.service"; fi
if brings freeradius; then services="$services freeradius.service"; fi
if brings slapd; then services="$services slapd.service"; fi
if brings fail2ban; then services="$services fail2ban.service"; fi
if brings postgresql; then services="$services postgresql.service"; fi
if [ -n "$services" ]; then
    mask
    forbid_starting
    install_missing
    silence
else
    install_missing
fi
if wanted build && ! cargo_is_new_enough; then
    echo "cargo is still older than 1.85: install a newer Rust (rustup.rs) and run make again" >&2
    exit 1
fi
