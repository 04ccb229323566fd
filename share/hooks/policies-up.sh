#!/bin/sh
# phase1_up of a lotor client with ESP in the kernel (engine kernel): the policies that racoon's phase1-up.sh wrote, in
# words of `ip xfrm`. lotor's tunnels need none of them: this is for whoever wants policies of his own, with a priority
# or a device of an xfrm interface, for example. policies-down.sh takes them away again.
#
# A policy has no reqid, or one that is nobody else's, and names no more than the tunnel carries: docs/kernel.md.

set -u

lead() {
	# which way, networks from and to, outer addresses from and to
	ip xfrm policy update src "$2" dst "$3" dir "$1" tmpl src "$4" dst "$5" proto esp mode tunnel
}

carry() {
	# the inner address, the network behind the tunnel
	lead out "$1" "$2" "$LOCAL_ADDR" "$REMOTE_ADDR"
	lead in "$2" "$1" "$REMOTE_ADDR" "$LOCAL_ADDR"
	lead fwd "$2" "$1" "$REMOTE_ADDR" "$LOCAL_ADDR"
}

if [ -n "${INTERNAL_ADDR4:-}" ]; then
	for network in ${SPLIT_INCLUDE_CIDR:-0.0.0.0/0}; do
		carry "$INTERNAL_ADDR4/32" "$network"
	done
fi
if [ -n "${INTERNAL_ADDR6:-}" ]; then
	for network in ${SPLIT_INCLUDE6_CIDR:-::/0}; do
		carry "$INTERNAL_ADDR6/128" "$network"
	done
fi

exit 0
