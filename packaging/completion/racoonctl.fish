# Made by `python -m lotor.cli.completions`.
# fish completion for racoonctl
function __lotor_at
    set -l here (path basename (commandline -opc)[1])
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
        else if contains -- "$here|$word" $__lotor_values
            set skip yes
        else if contains -- "$here $word" $__lotor_commands
            set here "$here $word"
        end
    end
    test "$here" = "$argv[1]"
end
set -ga __lotor_commands 'racoonctl' 'racoonctl vpn-connect' 'racoonctl vc' 'racoonctl vpn-disconnect' 'racoonctl vd' 'racoonctl status' 'racoonctl st' 'racoonctl show-event' 'racoonctl se' 'racoonctl reload-config' 'racoonctl rc' 'racoonctl logout-user' 'racoonctl lu' 'racoonctl show-sa' 'racoonctl ss' 'racoonctl flush-sa' 'racoonctl fs' 'racoonctl delete-sa' 'racoonctl ds' 'racoonctl establish-sa' 'racoonctl es' 'racoonctl get-cert' 'racoonctl gc' 'racoonctl show-schedule' 'racoonctl sc'
set -ga __lotor_values 'racoonctl|-s' 'racoonctl vpn-connect|-u' 'racoonctl vpn-connect|--user' 'racoonctl vpn-connect|--ca' 'racoonctl vpn-connect|--eap-server' 'racoonctl vpn-connect|-s' 'racoonctl vpn-connect|--socket' 'racoonctl vpn-connect|-f' 'racoonctl vpn-connect|--file' 'racoonctl vc|-u' 'racoonctl vc|--user' 'racoonctl vc|--ca' 'racoonctl vc|--eap-server' 'racoonctl vc|-s' 'racoonctl vc|--socket' 'racoonctl vc|-f' 'racoonctl vc|--file' 'racoonctl vpn-disconnect|-s' 'racoonctl vpn-disconnect|--socket' 'racoonctl vpn-disconnect|-f' 'racoonctl vpn-disconnect|--file' 'racoonctl vd|-s' 'racoonctl vd|--socket' 'racoonctl vd|-f' 'racoonctl vd|--file' 'racoonctl status|-f' 'racoonctl status|--format' 'racoonctl status|-s' 'racoonctl status|--socket' 'racoonctl st|-f' 'racoonctl st|--format' 'racoonctl st|-s' 'racoonctl st|--socket' 'racoonctl show-event|-s' 'racoonctl show-event|--socket' 'racoonctl show-event|-f' 'racoonctl show-event|--file' 'racoonctl se|-s' 'racoonctl se|--socket' 'racoonctl se|-f' 'racoonctl se|--file' 'racoonctl reload-config|-s' 'racoonctl reload-config|--socket' 'racoonctl reload-config|-f' 'racoonctl reload-config|--file' 'racoonctl rc|-s' 'racoonctl rc|--socket' 'racoonctl rc|-f' 'racoonctl rc|--file' 'racoonctl logout-user|--session' 'racoonctl logout-user|-s' 'racoonctl logout-user|--socket' 'racoonctl logout-user|-f' 'racoonctl logout-user|--file' 'racoonctl lu|--session' 'racoonctl lu|-s' 'racoonctl lu|--socket' 'racoonctl lu|-f' 'racoonctl lu|--file' 'racoonctl show-sa|-s' 'racoonctl show-sa|--socket' 'racoonctl show-sa|-f' 'racoonctl show-sa|--file' 'racoonctl ss|-s' 'racoonctl ss|--socket' 'racoonctl ss|-f' 'racoonctl ss|--file' 'racoonctl flush-sa|-s' 'racoonctl flush-sa|--socket' 'racoonctl flush-sa|-f' 'racoonctl flush-sa|--file' 'racoonctl fs|-s' 'racoonctl fs|--socket' 'racoonctl fs|-f' 'racoonctl fs|--file' 'racoonctl delete-sa|-s' 'racoonctl delete-sa|--socket' 'racoonctl delete-sa|-f' 'racoonctl delete-sa|--file' 'racoonctl ds|-s' 'racoonctl ds|--socket' 'racoonctl ds|-f' 'racoonctl ds|--file' 'racoonctl establish-sa|-u' 'racoonctl establish-sa|-n' 'racoonctl establish-sa|-s' 'racoonctl establish-sa|--socket' 'racoonctl establish-sa|-f' 'racoonctl establish-sa|--file' 'racoonctl es|-u' 'racoonctl es|-n' 'racoonctl es|-s' 'racoonctl es|--socket' 'racoonctl es|-f' 'racoonctl es|--file' 'racoonctl show-schedule|-s' 'racoonctl show-schedule|--socket' 'racoonctl show-schedule|-f' 'racoonctl show-schedule|--file' 'racoonctl sc|-s' 'racoonctl sc|--socket' 'racoonctl sc|-f' 'racoonctl sc|--file'
complete -c racoonctl -n '__lotor_at "racoonctl"' -f
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'vpn-connect' -d 'Connect to the VPN gateway GATEWAY, an address or a host name'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'vc' -d 'Connect to the VPN gateway GATEWAY, an address or a host name'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'vpn-disconnect' -d 'Disconnect from the VPN gateway GATEWAY'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'vd' -d 'Disconnect from the VPN gateway GATEWAY'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'status' -d 'Show who is connected, from where, since when, and how, as lotor status does'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'st' -d 'Show who is connected, from where, since when, and how, as lotor status does'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'show-event' -d 'Show what happens, until Ctrl-C'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'se' -d 'Show what happens, until Ctrl-C'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'reload-config' -d 'Read the configuration again; a bad one changes nothing'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'rc' -d 'Read the configuration again; a bad one changes nothing'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'logout-user' -d 'End every session of USER, or the one of an inside ADDRESS or of an ID of accounting, at every gateway of the fleet'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'lu' -d 'End every session of USER, or the one of an inside ADDRESS or of an ID of accounting, at every gateway of the fleet'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'show-sa' -d 'Show the SAs of phase 1 (isakmp) or phase 2 (esp, ipsec), without their keys'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'ss' -d 'Show the SAs of phase 1 (isakmp) or phase 2 (esp, ipsec), without their keys'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'flush-sa' -d 'End every session (isakmp): its SAs go with it, and the peers are told'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'fs' -d 'End every session (isakmp): its SAs go with it, and the peers are told'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'delete-sa' -d 'End the sessions between SOURCE and DESTINATION (isakmp), and tell the peer'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'ds' -d 'End the sessions between SOURCE and DESTINATION (isakmp), and tell the peer'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'establish-sa' -d 'Connect to DESTINATION (isakmp), as lotor vc does; the routes choose the source'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'es' -d 'Connect to DESTINATION (isakmp), as lotor vc does; the routes choose the source'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'get-cert' -d 'Refused: lotor keeps no certificates of its peers'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'gc' -d 'Refused: lotor keeps no certificates of its peers'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'show-schedule' -d 'Show when the keys of SA pairs are renewed'
complete -c racoonctl -n '__lotor_at "racoonctl"' -a 'sc' -d 'Show when the keys of SA pairs are renewed'
complete -c racoonctl -n '__lotor_at "racoonctl"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl"' -s s -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl"' -s l -d 'More columns in show-sa isakmp; -ll: more.'
complete -c racoonctl -n '__lotor_at "racoonctl"' -s d -d 'Accepted, without effect.'
complete -c racoonctl -n '__lotor_at "racoonctl vpn-connect"' -f
complete -c racoonctl -n '__lotor_at "racoonctl vpn-connect"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl vpn-connect"' -s u -l user -x -d 'Login; without it xauth_login, or you are asked.'
complete -c racoonctl -n '__lotor_at "racoonctl vpn-connect"' -l password-stdin -d 'Read the password from standard input.'
complete -c racoonctl -n '__lotor_at "racoonctl vpn-connect"' -l ca -r -F -d 'CA file: connect without a daemon, until Ctrl-C.'
complete -c racoonctl -n '__lotor_at "racoonctl vpn-connect"' -l keep -d 'With --ca: a connection that is lost comes back by itself.'
complete -c racoonctl -n '__lotor_at "racoonctl vpn-connect"' -l eap-server -x -d 'With --ca: the RADIUS server whose certificate is shown in EAP.'
complete -c racoonctl -n '__lotor_at "racoonctl vpn-connect"' -l single-process -d 'With --ca: one process as root does everything, for debugging.'
complete -c racoonctl -n '__lotor_at "racoonctl vpn-connect"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl vpn-connect"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl vc"' -f
complete -c racoonctl -n '__lotor_at "racoonctl vc"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl vc"' -s u -l user -x -d 'Login; without it xauth_login, or you are asked.'
complete -c racoonctl -n '__lotor_at "racoonctl vc"' -l password-stdin -d 'Read the password from standard input.'
complete -c racoonctl -n '__lotor_at "racoonctl vc"' -l ca -r -F -d 'CA file: connect without a daemon, until Ctrl-C.'
complete -c racoonctl -n '__lotor_at "racoonctl vc"' -l keep -d 'With --ca: a connection that is lost comes back by itself.'
complete -c racoonctl -n '__lotor_at "racoonctl vc"' -l eap-server -x -d 'With --ca: the RADIUS server whose certificate is shown in EAP.'
complete -c racoonctl -n '__lotor_at "racoonctl vc"' -l single-process -d 'With --ca: one process as root does everything, for debugging.'
complete -c racoonctl -n '__lotor_at "racoonctl vc"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl vc"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl vpn-disconnect"' -f
complete -c racoonctl -n '__lotor_at "racoonctl vpn-disconnect"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl vpn-disconnect"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl vpn-disconnect"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl vd"' -f
complete -c racoonctl -n '__lotor_at "racoonctl vd"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl vd"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl vd"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl status"' -f
complete -c racoonctl -n '__lotor_at "racoonctl status"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl status"' -s v -l verbose -d 'Accepted: all of it is always shown.'
complete -c racoonctl -n '__lotor_at "racoonctl status"' -s f -l format -x -a 'text json' -d 'How it is written.'
complete -c racoonctl -n '__lotor_at "racoonctl status"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl st"' -f
complete -c racoonctl -n '__lotor_at "racoonctl st"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl st"' -s v -l verbose -d 'Accepted: all of it is always shown.'
complete -c racoonctl -n '__lotor_at "racoonctl st"' -s f -l format -x -a 'text json' -d 'How it is written.'
complete -c racoonctl -n '__lotor_at "racoonctl st"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl show-event"' -f
complete -c racoonctl -n '__lotor_at "racoonctl show-event"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl show-event"' -l json -d 'A line of JSON for each event.'
complete -c racoonctl -n '__lotor_at "racoonctl show-event"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl show-event"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl se"' -f
complete -c racoonctl -n '__lotor_at "racoonctl se"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl se"' -l json -d 'A line of JSON for each event.'
complete -c racoonctl -n '__lotor_at "racoonctl se"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl se"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl reload-config"' -f
complete -c racoonctl -n '__lotor_at "racoonctl reload-config"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl reload-config"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl reload-config"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl rc"' -f
complete -c racoonctl -n '__lotor_at "racoonctl rc"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl rc"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl rc"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl logout-user"' -f
complete -c racoonctl -n '__lotor_at "racoonctl logout-user"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl logout-user"' -l session -x -d 'End the session of this number here instead.'
complete -c racoonctl -n '__lotor_at "racoonctl logout-user"' -l here -d 'At this gateway alone, where it is one of a fleet.'
complete -c racoonctl -n '__lotor_at "racoonctl logout-user"' -l json -d 'What came of it at all gateways of a fleet, as JSON.'
complete -c racoonctl -n '__lotor_at "racoonctl logout-user"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl logout-user"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl lu"' -f
complete -c racoonctl -n '__lotor_at "racoonctl lu"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl lu"' -l session -x -d 'End the session of this number here instead.'
complete -c racoonctl -n '__lotor_at "racoonctl lu"' -l here -d 'At this gateway alone, where it is one of a fleet.'
complete -c racoonctl -n '__lotor_at "racoonctl lu"' -l json -d 'What came of it at all gateways of a fleet, as JSON.'
complete -c racoonctl -n '__lotor_at "racoonctl lu"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl lu"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl show-sa"' -f
complete -c racoonctl -n '__lotor_at "racoonctl show-sa"' -a 'isakmp esp ah ipsec internal'
complete -c racoonctl -n '__lotor_at "racoonctl show-sa"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl show-sa"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl show-sa"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl ss"' -f
complete -c racoonctl -n '__lotor_at "racoonctl ss"' -a 'isakmp esp ah ipsec internal'
complete -c racoonctl -n '__lotor_at "racoonctl ss"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl ss"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl ss"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl flush-sa"' -f
complete -c racoonctl -n '__lotor_at "racoonctl flush-sa"' -a 'isakmp esp ah ipsec internal'
complete -c racoonctl -n '__lotor_at "racoonctl flush-sa"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl flush-sa"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl flush-sa"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl fs"' -f
complete -c racoonctl -n '__lotor_at "racoonctl fs"' -a 'isakmp esp ah ipsec internal'
complete -c racoonctl -n '__lotor_at "racoonctl fs"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl fs"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl fs"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl delete-sa"' -f
complete -c racoonctl -n '__lotor_at "racoonctl delete-sa"' -a 'isakmp esp ah ipsec internal inet inet6'
complete -c racoonctl -n '__lotor_at "racoonctl delete-sa"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl delete-sa"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl delete-sa"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl ds"' -f
complete -c racoonctl -n '__lotor_at "racoonctl ds"' -a 'isakmp esp ah ipsec internal inet inet6'
complete -c racoonctl -n '__lotor_at "racoonctl ds"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl ds"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl ds"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl establish-sa"' -f
complete -c racoonctl -n '__lotor_at "racoonctl establish-sa"' -a 'isakmp esp ah ipsec internal inet inet6'
complete -c racoonctl -n '__lotor_at "racoonctl establish-sa"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl establish-sa"' -s u -x -d 'Login; without it xauth_login, or you are asked.'
complete -c racoonctl -n '__lotor_at "racoonctl establish-sa"' -s n -x -d 'Name of the remote block.'
complete -c racoonctl -n '__lotor_at "racoonctl establish-sa"' -s w -d 'Accepted: lotor always waits.'
complete -c racoonctl -n '__lotor_at "racoonctl establish-sa"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl establish-sa"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl es"' -f
complete -c racoonctl -n '__lotor_at "racoonctl es"' -a 'isakmp esp ah ipsec internal inet inet6'
complete -c racoonctl -n '__lotor_at "racoonctl es"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl es"' -s u -x -d 'Login; without it xauth_login, or you are asked.'
complete -c racoonctl -n '__lotor_at "racoonctl es"' -s n -x -d 'Name of the remote block.'
complete -c racoonctl -n '__lotor_at "racoonctl es"' -s w -d 'Accepted: lotor always waits.'
complete -c racoonctl -n '__lotor_at "racoonctl es"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl es"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl get-cert"' -f
complete -c racoonctl -n '__lotor_at "racoonctl get-cert"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl gc"' -f
complete -c racoonctl -n '__lotor_at "racoonctl gc"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl show-schedule"' -f
complete -c racoonctl -n '__lotor_at "racoonctl show-schedule"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl show-schedule"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl show-schedule"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c racoonctl -n '__lotor_at "racoonctl sc"' -f
complete -c racoonctl -n '__lotor_at "racoonctl sc"' -s h -l help -d 'Show this message and exit.'
complete -c racoonctl -n '__lotor_at "racoonctl sc"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c racoonctl -n '__lotor_at "racoonctl sc"' -s f -l file -r -F -d 'Configuration that names the socket.'
