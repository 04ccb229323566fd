"""The rules of other programs as they stand in nftables, cut down to the chains that forwarded and received packets
meet. Written by hand after what firewalld 1.3, ufw 0.36 and Docker 20 to 28 load."""

from __future__ import annotations

FIREWALLD = """
table inet firewalld {
    chain filter_INPUT {
        type filter hook input priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        jump filter_INPUT_ZONES
        reject with icmpx admin-prohibited
    }
    chain filter_FORWARD {
        type filter hook forward priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        ip6 daddr { ::/96, ::ffff:0.0.0.0/96 } reject with icmpv6 addr-unreachable
        jump filter_FORWARD_IN_ZONES
        jump filter_FORWARD_OUT_ZONES
        reject with icmpx admin-prohibited
    }
    chain filter_INPUT_ZONES {
        iifname "inside0" goto filter_IN_public
        goto filter_IN_public
    }
    chain filter_FORWARD_IN_ZONES {
        iifname "inside0" goto filter_FWDI_public
        %s
        goto filter_FWDI_public
    }
    chain filter_FORWARD_OUT_ZONES {
        oifname "inside0" goto filter_FWDO_public
        goto filter_FWDO_public
    }
    chain filter_FWDI_public { meta l4proto { icmp, ipv6-icmp } accept
    }
    chain filter_FWDO_public { }
    chain filter_FWDI_trusted { accept
    }
    chain filter_IN_public {
        tcp dport 22 ct state { new, untracked } accept
        %s
        meta l4proto { icmp, ipv6-icmp } accept
    }
}
"""
UFW = """
table ip filter {
    chain INPUT { type filter hook input priority filter; policy drop;
        counter jump ufw-before-input
        counter jump ufw-user-input
    }
    chain FORWARD { type filter hook forward priority filter; policy drop;
        counter jump ufw-before-logging-forward
        counter jump ufw-before-forward
        counter jump ufw-after-forward
        counter jump ufw-reject-forward
        counter jump ufw-track-forward
    }
    chain ufw-before-logging-forward { }
    chain ufw-before-input { iifname "lo" counter accept
        ct state related,established counter accept
    }
    chain ufw-before-forward {
        ct state related,established counter accept
        ip protocol icmp icmp type echo-request counter accept
        counter jump ufw-user-forward
    }
    chain ufw-after-forward { }
    chain ufw-reject-forward { }
    chain ufw-track-forward { }
    chain ufw-user-input { tcp dport 22 counter accept
        %s
    }
    chain ufw-user-forward { %s
    }
}
"""
DOCKER = """
table ip filter {
    chain FORWARD { type filter hook forward priority filter; policy drop;
        counter jump DOCKER-USER
        counter jump DOCKER-ISOLATION-STAGE-1
        oifname "docker0" ct state related,established counter accept
        oifname "docker0" counter jump DOCKER
        iifname "docker0" oifname != "docker0" counter accept
        iifname "docker0" oifname "docker0" counter accept
    }
    chain DOCKER { ip daddr 172.17.0.2 iifname != "docker0" oifname "docker0" tcp dport 80 counter accept
    }
    chain DOCKER-ISOLATION-STAGE-1 {
        iifname "docker0" oifname != "docker0" counter jump DOCKER-ISOLATION-STAGE-2
        counter return
    }
    chain DOCKER-ISOLATION-STAGE-2 { oifname "docker0" counter drop
        counter return
    }
    chain DOCKER-USER { %s
        counter return
    }
}
"""
