#!/bin/sh
# phase1_up of a lotor client: runs when the tunnel's address, routes and DNS are set. Add what else your site needs.
#
# The variables are those of docs/hooks.md; each may be empty. Quote every one of them. Exit soon: what takes longer than
# half a minute is ended, what is to last goes to the background with its output redirected.

set -u
umask 022

say() {
	# What is written here stands in lotor's log.
	printf '%s\n' "$*"
}

if [ -z "${INTERNAL_ADDR4:-}" ]; then
	say "no inner address: nothing to set up"
	exit 0
fi

say "up: ${INTERNAL_ADDR4}${INTERNAL_ADDR6:+ and ${INTERNAL_ADDR6}} on ${LOTOR_DEVICE:-no device}, gateway ${REMOTE_ADDR:-unknown}"
say "DNS: ${INTERNAL_DNS4_LIST:-none}${INTERNAL_DNS6_LIST:+ ${INTERNAL_DNS6_LIST}}; domain: ${DEFAULT_DOMAIN:-none}"
say "behind the tunnel: ${SPLIT_INCLUDE_CIDR:-everything}"
if [ -n "${INTERNAL_ADDR6:-}" ]; then
	say "behind the tunnel by IPv6: ${SPLIT_INCLUDE6_CIDR:-everything}"
fi

# An example, to be undone in phase1-down.sh: a share of the inside network.
#
#	mount /mnt/office

exit 0
