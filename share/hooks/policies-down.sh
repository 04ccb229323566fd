#!/bin/sh
# phase1_down of a lotor client with ESP in the kernel: takes away what policies-up.sh wrote.

set -u

drop() {
	# which way, networks from and to; one that somebody took away already is no fault
	ip xfrm policy delete src "$2" dst "$3" dir "$1" 2>/dev/null
}

leave() {
	# the inner address, the network behind the tunnel
	drop out "$1" "$2"
	drop in "$2" "$1"
	drop fwd "$2" "$1"
}

if [ -n "${INTERNAL_ADDR4:-}" ]; then
	for network in ${SPLIT_INCLUDE_CIDR:-0.0.0.0/0}; do
		leave "$INTERNAL_ADDR4/32" "$network"
	done
fi
if [ -n "${INTERNAL_ADDR6:-}" ]; then
	for network in ${SPLIT_INCLUDE6_CIDR:-::/0}; do
		leave "$INTERNAL_ADDR6/128" "$network"
	done
fi

exit 0
