#!/bin/sh
# phase1_down of a lotor client: runs when the connection ends, also one that never came up (then the variables of the
# inside are empty). lotor undoes address, routes and DNS itself; undo here what phase1-up.sh added.

set -u
umask 022

say() {
	# What is written here stands in lotor's log.
	printf '%s\n' "$*"
}

if [ -z "${INTERNAL_ADDR4:-}" ]; then
	say "down: the connection to ${REMOTE_ADDR:-unknown} never had an inner address"
	exit 0
fi

say "down: ${INTERNAL_ADDR4}${INTERNAL_ADDR6:+ and ${INTERNAL_ADDR6}} is given back to gateway ${REMOTE_ADDR:-unknown}"

# An example, for what phase1-up.sh may have added:
#
#	umount -l /mnt/office

exit 0
