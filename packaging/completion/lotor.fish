# Made by `python -m lotor.cli.completions`.
# fish completion for lotor
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
set -ga __lotor_commands 'lotor' 'lotor init' 'lotor init client' 'lotor init gateway' 'lotor init undo' 'lotor import' 'lotor check' 'lotor user' 'lotor user add' 'lotor user del' 'lotor user list' 'lotor user lock' 'lotor user passwd' 'lotor user unlock' 'lotor pki' 'lotor pki ca' 'lotor pki gateway' 'lotor pki request' 'lotor pki show' 'lotor daemon' 'lotor reload' 'lotor connect' 'lotor disconnect' 'lotor status' 'lotor doctor' 'lotor sas' 'lotor policies' 'lotor explain' 'lotor events' 'lotor logout' 'lotor flush' 'lotor metrics' 'lotor racoonctl' 'lotor racoonctl vpn-connect' 'lotor racoonctl vc' 'lotor racoonctl vpn-disconnect' 'lotor racoonctl vd' 'lotor racoonctl status' 'lotor racoonctl st' 'lotor racoonctl show-event' 'lotor racoonctl se' 'lotor racoonctl reload-config' 'lotor racoonctl rc' 'lotor racoonctl logout-user' 'lotor racoonctl lu' 'lotor racoonctl show-sa' 'lotor racoonctl ss' 'lotor racoonctl flush-sa' 'lotor racoonctl fs' 'lotor racoonctl delete-sa' 'lotor racoonctl ds' 'lotor racoonctl establish-sa' 'lotor racoonctl es' 'lotor racoonctl get-cert' 'lotor racoonctl gc' 'lotor racoonctl show-schedule' 'lotor racoonctl sc' 'lotor setkey' 'lotor help' 'lotor version'
set -ga __lotor_values 'lotor init client|--ca' 'lotor init client|-u' 'lotor init client|--user' 'lotor init client|--group' 'lotor init client|--password-file' 'lotor init gateway|--pool' 'lotor init gateway|--reach' 'lotor init gateway|--dns' 'lotor init gateway|-u' 'lotor init gateway|--user' 'lotor init gateway|--clients' 'lotor init gateway|--password-file' 'lotor import|--from' 'lotor import|--secrets' 'lotor import|-d' 'lotor import|--directory' 'lotor user|-f' 'lotor user|--file' 'lotor user|--users' 'lotor pki ca|--days' 'lotor pki ca|-d' 'lotor pki ca|--directory' 'lotor pki ca|--bits' 'lotor pki ca|--key' 'lotor pki gateway|--days' 'lotor pki gateway|-d' 'lotor pki gateway|--directory' 'lotor pki gateway|-f' 'lotor pki gateway|--file' 'lotor pki gateway|--bits' 'lotor pki gateway|--key' 'lotor pki request|-d' 'lotor pki request|--directory' 'lotor pki request|-f' 'lotor pki request|--file' 'lotor pki request|--bits' 'lotor pki request|--key' 'lotor daemon|-f' 'lotor daemon|--file' 'lotor daemon|-l' 'lotor daemon|--log' 'lotor daemon|--capture' 'lotor reload|-s' 'lotor reload|--socket' 'lotor reload|-f' 'lotor reload|--file' 'lotor connect|-u' 'lotor connect|--user' 'lotor connect|--ca' 'lotor connect|-s' 'lotor connect|--socket' 'lotor connect|-f' 'lotor connect|--file' 'lotor disconnect|-s' 'lotor disconnect|--socket' 'lotor disconnect|-f' 'lotor disconnect|--file' 'lotor status|-s' 'lotor status|--socket' 'lotor status|-f' 'lotor status|--file' 'lotor doctor|-s' 'lotor doctor|--socket' 'lotor doctor|-f' 'lotor doctor|--file' 'lotor sas|-s' 'lotor sas|--socket' 'lotor sas|-f' 'lotor sas|--file' 'lotor policies|-s' 'lotor policies|--socket' 'lotor policies|-f' 'lotor policies|--file' 'lotor explain|-s' 'lotor explain|--socket' 'lotor explain|-f' 'lotor explain|--file' 'lotor events|-s' 'lotor events|--socket' 'lotor events|-f' 'lotor events|--file' 'lotor logout|--session' 'lotor logout|-s' 'lotor logout|--socket' 'lotor logout|-f' 'lotor logout|--file' 'lotor flush|-s' 'lotor flush|--socket' 'lotor flush|-f' 'lotor flush|--file' 'lotor metrics|--listen' 'lotor metrics|-s' 'lotor metrics|--socket' 'lotor metrics|-f' 'lotor metrics|--file' 'lotor racoonctl|-s' 'lotor racoonctl vpn-connect|-u' 'lotor racoonctl vpn-connect|--user' 'lotor racoonctl vpn-connect|--ca' 'lotor racoonctl vpn-connect|-s' 'lotor racoonctl vpn-connect|--socket' 'lotor racoonctl vpn-connect|-f' 'lotor racoonctl vpn-connect|--file' 'lotor racoonctl vc|-u' 'lotor racoonctl vc|--user' 'lotor racoonctl vc|--ca' 'lotor racoonctl vc|-s' 'lotor racoonctl vc|--socket' 'lotor racoonctl vc|-f' 'lotor racoonctl vc|--file' 'lotor racoonctl vpn-disconnect|-s' 'lotor racoonctl vpn-disconnect|--socket' 'lotor racoonctl vpn-disconnect|-f' 'lotor racoonctl vpn-disconnect|--file' 'lotor racoonctl vd|-s' 'lotor racoonctl vd|--socket' 'lotor racoonctl vd|-f' 'lotor racoonctl vd|--file' 'lotor racoonctl status|-f' 'lotor racoonctl status|--format' 'lotor racoonctl status|-s' 'lotor racoonctl status|--socket' 'lotor racoonctl st|-f' 'lotor racoonctl st|--format' 'lotor racoonctl st|-s' 'lotor racoonctl st|--socket' 'lotor racoonctl show-event|-s' 'lotor racoonctl show-event|--socket' 'lotor racoonctl show-event|-f' 'lotor racoonctl show-event|--file' 'lotor racoonctl se|-s' 'lotor racoonctl se|--socket' 'lotor racoonctl se|-f' 'lotor racoonctl se|--file' 'lotor racoonctl reload-config|-s' 'lotor racoonctl reload-config|--socket' 'lotor racoonctl reload-config|-f' 'lotor racoonctl reload-config|--file' 'lotor racoonctl rc|-s' 'lotor racoonctl rc|--socket' 'lotor racoonctl rc|-f' 'lotor racoonctl rc|--file' 'lotor racoonctl logout-user|--session' 'lotor racoonctl logout-user|-s' 'lotor racoonctl logout-user|--socket' 'lotor racoonctl logout-user|-f' 'lotor racoonctl logout-user|--file' 'lotor racoonctl lu|--session' 'lotor racoonctl lu|-s' 'lotor racoonctl lu|--socket' 'lotor racoonctl lu|-f' 'lotor racoonctl lu|--file' 'lotor racoonctl show-sa|-s' 'lotor racoonctl show-sa|--socket' 'lotor racoonctl show-sa|-f' 'lotor racoonctl show-sa|--file' 'lotor racoonctl ss|-s' 'lotor racoonctl ss|--socket' 'lotor racoonctl ss|-f' 'lotor racoonctl ss|--file' 'lotor racoonctl flush-sa|-s' 'lotor racoonctl flush-sa|--socket' 'lotor racoonctl flush-sa|-f' 'lotor racoonctl flush-sa|--file' 'lotor racoonctl fs|-s' 'lotor racoonctl fs|--socket' 'lotor racoonctl fs|-f' 'lotor racoonctl fs|--file' 'lotor racoonctl delete-sa|-s' 'lotor racoonctl delete-sa|--socket' 'lotor racoonctl delete-sa|-f' 'lotor racoonctl delete-sa|--file' 'lotor racoonctl ds|-s' 'lotor racoonctl ds|--socket' 'lotor racoonctl ds|-f' 'lotor racoonctl ds|--file' 'lotor racoonctl establish-sa|-u' 'lotor racoonctl establish-sa|-n' 'lotor racoonctl establish-sa|-s' 'lotor racoonctl establish-sa|--socket' 'lotor racoonctl establish-sa|-f' 'lotor racoonctl establish-sa|--file' 'lotor racoonctl es|-u' 'lotor racoonctl es|-n' 'lotor racoonctl es|-s' 'lotor racoonctl es|--socket' 'lotor racoonctl es|-f' 'lotor racoonctl es|--file' 'lotor racoonctl show-schedule|-s' 'lotor racoonctl show-schedule|--socket' 'lotor racoonctl show-schedule|-f' 'lotor racoonctl show-schedule|--file' 'lotor racoonctl sc|-s' 'lotor racoonctl sc|--socket' 'lotor racoonctl sc|-f' 'lotor racoonctl sc|--file' 'lotor setkey|-s' 'lotor setkey|--socket'
complete -c lotor -n '__lotor_at "lotor"' -f
complete -c lotor -n '__lotor_at "lotor"' -a 'init' -d 'Set up this host as a gateway or a client'
complete -c lotor -n '__lotor_at "lotor"' -a 'import' -d 'Make racoon.conf and psk.txt of a connection of strongSwan (ipsec.conf, swanctl.conf), vpnc (.conf) or Cisco'\''s client (.pcf)'
complete -c lotor -n '__lotor_at "lotor"' -a 'check' -d 'Check the configuration FILE: errors on standard error, warnings and a summary on standard output'
complete -c lotor -n '__lotor_at "lotor"' -a 'user' -d 'Manage the users of auth_source local'
complete -c lotor -n '__lotor_at "lotor"' -a 'pki' -d 'Make the certificates of the VPN'
complete -c lotor -n '__lotor_at "lotor"' -a 'daemon' -d 'Run the gateway, the client, or both, as the configuration says'
complete -c lotor -n '__lotor_at "lotor"' -a 'reload' -d 'Read the configuration again; a bad one changes nothing'
complete -c lotor -n '__lotor_at "lotor"' -a 'connect' -d 'Connect to the VPN gateway GATEWAY, an address or a host name'
complete -c lotor -n '__lotor_at "lotor"' -a 'disconnect' -d 'Disconnect from the VPN gateway GATEWAY'
complete -c lotor -n '__lotor_at "lotor"' -a 'status' -d 'Show who is connected, from where, since when, and how'
complete -c lotor -n '__lotor_at "lotor"' -a 'doctor' -d 'Look for what keeps this gateway, or this client, from working, and tell the command that mends it'
complete -c lotor -n '__lotor_at "lotor"' -a 'sas' -d 'Show lotor'\''s SAs as setkey -D does, without their keys'
complete -c lotor -n '__lotor_at "lotor"' -a 'policies' -d 'Show which traffic lotor'\''s SAs carry, as setkey -DP does'
complete -c lotor -n '__lotor_at "lotor"' -a 'explain' -d 'Tell what became of an attempt to connect'
complete -c lotor -n '__lotor_at "lotor"' -a 'events' -d 'Show what happens, until Ctrl-C'
complete -c lotor -n '__lotor_at "lotor"' -a 'logout' -d 'End every session of USER'
complete -c lotor -n '__lotor_at "lotor"' -a 'flush' -d 'End every session: SAs and policies go with it, and the peers are told'
complete -c lotor -n '__lotor_at "lotor"' -a 'metrics' -d 'Print the figures of the daemon as Prometheus reads them'
complete -c lotor -n '__lotor_at "lotor"' -a 'racoonctl' -d 'The words of racoonctl for the daemon of lotor'
complete -c lotor -n '__lotor_at "lotor"' -a 'setkey' -d '-D, -DP, -F and -FP of setkey, for what is lotor'\''s own'
complete -c lotor -n '__lotor_at "lotor"' -a 'help' -d 'Show the help of a COMMAND, such as `lotor help user add`'
complete -c lotor -n '__lotor_at "lotor"' -a 'version' -d 'Print the version'
complete -c lotor -n '__lotor_at "lotor"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor"' -l version -d 'Show the version and exit.'
complete -c lotor -n '__lotor_at "lotor init"' -f
complete -c lotor -n '__lotor_at "lotor init"' -a 'client' -d 'Set up a client of GATEWAY, a host name or an address'
complete -c lotor -n '__lotor_at "lotor init"' -a 'gateway' -d 'Set up a gateway that clients reach by NAMES: host names and addresses, as they type them'
complete -c lotor -n '__lotor_at "lotor init"' -a 'undo' -d 'Take the last lotor init back: what it wrote and did, but not what a person changed since'
complete -c lotor -n '__lotor_at "lotor init"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor init client"' -f
complete -c lotor -n '__lotor_at "lotor init client"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor init client"' -l ca -r -F -d 'The gateway'\''s ca.crt.'
complete -c lotor -n '__lotor_at "lotor init client"' -s u -l user -x -d 'Login; without it each connection asks.'
complete -c lotor -n '__lotor_at "lotor init client"' -l group -x -d 'Group whose members may connect; operator where there is one.'
complete -c lotor -n '__lotor_at "lotor init client"' -l save-password -d 'Keep the password in /etc/lotor/psk.txt, so that nobody is asked.'
complete -c lotor -n '__lotor_at "lotor init client"' -l password-file -r -F -d 'Private file with the password.'
complete -c lotor -n '__lotor_at "lotor init client"' -l password-stdin -d 'Read the password from standard input.'
complete -c lotor -n '__lotor_at "lotor init client"' -s n -l dry-run -d 'Say what would be written and done, and do nothing.'
complete -c lotor -n '__lotor_at "lotor init client"' -s y -l yes -d 'Ask nothing: take what is proposed.'
complete -c lotor -n '__lotor_at "lotor init client"' -l force -d 'Replace files that are there; each is kept beside the new one.'
complete -c lotor -n '__lotor_at "lotor init gateway"' -f
complete -c lotor -n '__lotor_at "lotor init gateway"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor init gateway"' -l pool -x -d 'Inner addresses of the clients, such as 10.99.99.0/24.'
complete -c lotor -n '__lotor_at "lotor init gateway"' -l reach -x -d 'What clients reach through the tunnel: all, or networks.'
complete -c lotor -n '__lotor_at "lotor init gateway"' -l dns -x -d 'DNS servers of the clients, or none.'
complete -c lotor -n '__lotor_at "lotor init gateway"' -s u -l user -x -d 'The first user; none without.'
complete -c lotor -n '__lotor_at "lotor init gateway"' -l clients -x -d 'Some of lotor, strongswan, apple, android, vpnc.'
complete -c lotor -n '__lotor_at "lotor init gateway"' -l shared-key -d 'Also clients with a key that all share, in place of a certificate.'
complete -c lotor -n '__lotor_at "lotor init gateway"' -l no-masquerade -d 'Hosts inside have a route to the clients'\'' addresses.'
complete -c lotor -n '__lotor_at "lotor init gateway"' -l password-file -r -F -d 'Private file with the password.'
complete -c lotor -n '__lotor_at "lotor init gateway"' -l password-stdin -d 'Read the password from standard input.'
complete -c lotor -n '__lotor_at "lotor init gateway"' -s n -l dry-run -d 'Say what would be written and done, and do nothing.'
complete -c lotor -n '__lotor_at "lotor init gateway"' -s y -l yes -d 'Ask nothing: take what is proposed.'
complete -c lotor -n '__lotor_at "lotor init gateway"' -l force -d 'Replace files that are there; each is kept beside the new one.'
complete -c lotor -n '__lotor_at "lotor init undo"' -f
complete -c lotor -n '__lotor_at "lotor init undo"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor init undo"' -s n -l dry-run -d 'Say what would be taken back, and do nothing.'
complete -c lotor -n '__lotor_at "lotor import"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor import"' -l from -x -a 'pcf vpnc ipsec swanctl' -d 'What the file is; without, by its name and its text.'
complete -c lotor -n '__lotor_at "lotor import"' -l secrets -r -F -d 'ipsec.secrets beside an ipsec.conf.'
complete -c lotor -n '__lotor_at "lotor import"' -s d -l directory -r -F -d 'Where the files go.'
complete -c lotor -n '__lotor_at "lotor import"' -l force -d 'Replace files that are there.'
complete -c lotor -n '__lotor_at "lotor check"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor check"' -l explain -d 'Every setting and its origin, and what clients will say.'
complete -c lotor -n '__lotor_at "lotor check"' -l json -d 'All of it as one JSON object.'
complete -c lotor -n '__lotor_at "lotor user"' -f
complete -c lotor -n '__lotor_at "lotor user"' -a 'add' -d 'Add the user NAME'
complete -c lotor -n '__lotor_at "lotor user"' -a 'del' -d 'Remove the user NAME; sessions that are up stay up without --now'
complete -c lotor -n '__lotor_at "lotor user"' -a 'list' -d 'List the users'
complete -c lotor -n '__lotor_at "lotor user"' -a 'lock' -d 'Let the user NAME in no more; sessions that are up stay up without --now'
complete -c lotor -n '__lotor_at "lotor user"' -a 'passwd' -d 'Change the password of the user NAME'
complete -c lotor -n '__lotor_at "lotor user"' -a 'unlock' -d 'Let the user NAME in again, with the password of before'
complete -c lotor -n '__lotor_at "lotor user"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor user"' -s f -l file -r -F -d 'Configuration whose mode_cfg names the users.'
complete -c lotor -n '__lotor_at "lotor user"' -l users -r -F -d 'The file of users itself.'
complete -c lotor -n '__lotor_at "lotor user add"' -f
complete -c lotor -n '__lotor_at "lotor user add"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor user add"' -l password-stdin -d 'Read the password from standard input.'
complete -c lotor -n '__lotor_at "lotor user del"' -f
complete -c lotor -n '__lotor_at "lotor user del"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor user del"' -l now -d 'End the sessions that are up, too.'
complete -c lotor -n '__lotor_at "lotor user list"' -f
complete -c lotor -n '__lotor_at "lotor user list"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor user lock"' -f
complete -c lotor -n '__lotor_at "lotor user lock"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor user lock"' -l now -d 'End the sessions that are up, too.'
complete -c lotor -n '__lotor_at "lotor user passwd"' -f
complete -c lotor -n '__lotor_at "lotor user passwd"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor user passwd"' -l password-stdin -d 'Read the password from standard input.'
complete -c lotor -n '__lotor_at "lotor user unlock"' -f
complete -c lotor -n '__lotor_at "lotor user unlock"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor pki"' -f
complete -c lotor -n '__lotor_at "lotor pki"' -a 'ca' -d 'Make an authority called NAME: ca.key and ca.crt'
complete -c lotor -n '__lotor_at "lotor pki"' -a 'gateway' -d 'Make vpngw.key and vpngw.crt for a gateway that clients reach by NAMES (host names, addresses)'
complete -c lotor -n '__lotor_at "lotor pki"' -a 'request' -d 'Make vpngw.key and the signing request vpngw.csr for somebody else'\''s authority'
complete -c lotor -n '__lotor_at "lotor pki"' -a 'show' -d 'Show the certificates in FILE'
complete -c lotor -n '__lotor_at "lotor pki"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor pki ca"' -f
complete -c lotor -n '__lotor_at "lotor pki ca"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor pki ca"' -l days -x -d 'Validity.'
complete -c lotor -n '__lotor_at "lotor pki ca"' -s d -l directory -r -F -d 'Where the files go; default here.'
complete -c lotor -n '__lotor_at "lotor pki ca"' -l bits -x -d 'Size of an RSA key; 3072 without.'
complete -c lotor -n '__lotor_at "lotor pki ca"' -l key -x -a 'rsa ec256 ec384 ec521' -d 'RSA, or ECDSA on P-256, P-384 or P-521. Without: ec256 for an authority; for a gateway rsa, or ec256 where all its remote blocks have authentication_method ecdsasig.'
complete -c lotor -n '__lotor_at "lotor pki ca"' -l force -d 'Replace files that are there.'
complete -c lotor -n '__lotor_at "lotor pki gateway"' -f
complete -c lotor -n '__lotor_at "lotor pki gateway"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor pki gateway"' -l days -x -d 'Validity.'
complete -c lotor -n '__lotor_at "lotor pki gateway"' -s d -l directory -r -F -d 'Where the files go; default here.'
complete -c lotor -n '__lotor_at "lotor pki gateway"' -s f -l file -r -F -d 'Configuration of the gateway; default /etc/lotor/racoon.conf.'
complete -c lotor -n '__lotor_at "lotor pki gateway"' -l bits -x -d 'Size of an RSA key; 3072 without.'
complete -c lotor -n '__lotor_at "lotor pki gateway"' -l key -x -a 'rsa ec256 ec384 ec521' -d 'RSA, or ECDSA on P-256, P-384 or P-521. Without: ec256 for an authority; for a gateway rsa, or ec256 where all its remote blocks have authentication_method ecdsasig.'
complete -c lotor -n '__lotor_at "lotor pki gateway"' -l force -d 'Replace files that are there.'
complete -c lotor -n '__lotor_at "lotor pki request"' -f
complete -c lotor -n '__lotor_at "lotor pki request"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor pki request"' -s d -l directory -r -F -d 'Where the files go; default here.'
complete -c lotor -n '__lotor_at "lotor pki request"' -s f -l file -r -F -d 'Configuration of the gateway; default /etc/lotor/racoon.conf.'
complete -c lotor -n '__lotor_at "lotor pki request"' -l bits -x -d 'Size of an RSA key; 3072 without.'
complete -c lotor -n '__lotor_at "lotor pki request"' -l key -x -a 'rsa ec256 ec384 ec521' -d 'RSA, or ECDSA on P-256, P-384 or P-521. Without: ec256 for an authority; for a gateway rsa, or ec256 where all its remote blocks have authentication_method ecdsasig.'
complete -c lotor -n '__lotor_at "lotor pki request"' -l force -d 'Replace files that are there.'
complete -c lotor -n '__lotor_at "lotor pki show"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor daemon"' -f
complete -c lotor -n '__lotor_at "lotor daemon"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor daemon"' -s f -l file -r -F -d 'Configuration; default /etc/lotor/racoon.conf.'
complete -c lotor -n '__lotor_at "lotor daemon"' -s F -l foreground -d 'Stay in the foreground, log to standard error.'
complete -c lotor -n '__lotor_at "lotor daemon"' -s l -l log -r -F -d 'Log to this file instead of syslog; json: in lines of JSON. Both may be given.'
complete -c lotor -n '__lotor_at "lotor daemon"' -s d -l debug -d 'Log at level debug, whatever the configuration says.'
complete -c lotor -n '__lotor_at "lotor daemon"' -l capture -r -F -d 'Write all IKE datagrams to this new pcapng file, and the keys to read them beside it.'
complete -c lotor -n '__lotor_at "lotor daemon"' -l single-process -d 'One process as root does everything: for containers and for debugging.'
complete -c lotor -n '__lotor_at "lotor reload"' -f
complete -c lotor -n '__lotor_at "lotor reload"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor reload"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor reload"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor connect"' -f
complete -c lotor -n '__lotor_at "lotor connect"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor connect"' -s u -l user -x -d 'Login; without it xauth_login, or you are asked.'
complete -c lotor -n '__lotor_at "lotor connect"' -l password-stdin -d 'Read the password from standard input.'
complete -c lotor -n '__lotor_at "lotor connect"' -l ca -r -F -d 'CA file: connect without a daemon, until Ctrl-C.'
complete -c lotor -n '__lotor_at "lotor connect"' -l keep -d 'With --ca: a connection that is lost comes back by itself.'
complete -c lotor -n '__lotor_at "lotor connect"' -l single-process -d 'With --ca: one process as root does everything, for debugging.'
complete -c lotor -n '__lotor_at "lotor connect"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor connect"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor disconnect"' -f
complete -c lotor -n '__lotor_at "lotor disconnect"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor disconnect"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor disconnect"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor status"' -f
complete -c lotor -n '__lotor_at "lotor status"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor status"' -l json -d 'Machine-readable, see docs/status.md.'
complete -c lotor -n '__lotor_at "lotor status"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor status"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor doctor"' -f
complete -c lotor -n '__lotor_at "lotor doctor"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor doctor"' -l probe -d 'A client sends each gateway one first message, at UDP 500 and 4500.'
complete -c lotor -n '__lotor_at "lotor doctor"' -l json -d 'All of it as one JSON object.'
complete -c lotor -n '__lotor_at "lotor doctor"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor doctor"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor sas"' -f
complete -c lotor -n '__lotor_at "lotor sas"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor sas"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor sas"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor policies"' -f
complete -c lotor -n '__lotor_at "lotor policies"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor policies"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor policies"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor explain"' -f
complete -c lotor -n '__lotor_at "lotor explain"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor explain"' -l json -d 'Machine-readable, see docs/explain.md.'
complete -c lotor -n '__lotor_at "lotor explain"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor explain"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor events"' -f
complete -c lotor -n '__lotor_at "lotor events"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor events"' -l json -d 'A line of JSON for each event.'
complete -c lotor -n '__lotor_at "lotor events"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor events"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor logout"' -f
complete -c lotor -n '__lotor_at "lotor logout"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor logout"' -l session -x -d 'End the session of this number instead.'
complete -c lotor -n '__lotor_at "lotor logout"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor logout"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor flush"' -f
complete -c lotor -n '__lotor_at "lotor flush"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor flush"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor flush"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor metrics"' -f
complete -c lotor -n '__lotor_at "lotor metrics"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor metrics"' -l listen -x -d 'Answer Prometheus there until Ctrl-C: ADDRESS:PORT, or a socket'\''s path.'
complete -c lotor -n '__lotor_at "lotor metrics"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor metrics"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'vpn-connect' -d 'Connect to the VPN gateway GATEWAY, an address or a host name'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'vc' -d 'Connect to the VPN gateway GATEWAY, an address or a host name'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'vpn-disconnect' -d 'Disconnect from the VPN gateway GATEWAY'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'vd' -d 'Disconnect from the VPN gateway GATEWAY'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'status' -d 'Show who is connected, from where, since when, and how, as lotor status does'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'st' -d 'Show who is connected, from where, since when, and how, as lotor status does'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'show-event' -d 'Show what happens, until Ctrl-C'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'se' -d 'Show what happens, until Ctrl-C'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'reload-config' -d 'Read the configuration again; a bad one changes nothing'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'rc' -d 'Read the configuration again; a bad one changes nothing'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'logout-user' -d 'End every session of USER'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'lu' -d 'End every session of USER'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'show-sa' -d 'Show the SAs of phase 1 (isakmp) or phase 2 (esp, ipsec), without their keys'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'ss' -d 'Show the SAs of phase 1 (isakmp) or phase 2 (esp, ipsec), without their keys'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'flush-sa' -d 'End every session (isakmp): its SAs go with it, and the peers are told'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'fs' -d 'End every session (isakmp): its SAs go with it, and the peers are told'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'delete-sa' -d 'End the sessions between SOURCE and DESTINATION (isakmp), and tell the peer'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'ds' -d 'End the sessions between SOURCE and DESTINATION (isakmp), and tell the peer'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'establish-sa' -d 'Connect to DESTINATION (isakmp), as lotor vc does; the routes choose the source'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'es' -d 'Connect to DESTINATION (isakmp), as lotor vc does; the routes choose the source'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'get-cert' -d 'Refused: lotor keeps no certificates of its peers'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'gc' -d 'Refused: lotor keeps no certificates of its peers'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'show-schedule' -d 'Show when the keys of SA pairs are renewed'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -a 'sc' -d 'Show when the keys of SA pairs are renewed'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -s s -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -s l -d 'More columns in show-sa isakmp; -ll: more.'
complete -c lotor -n '__lotor_at "lotor racoonctl"' -s d -d 'Accepted, without effect.'
complete -c lotor -n '__lotor_at "lotor racoonctl vpn-connect"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl vpn-connect"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl vpn-connect"' -s u -l user -x -d 'Login; without it xauth_login, or you are asked.'
complete -c lotor -n '__lotor_at "lotor racoonctl vpn-connect"' -l password-stdin -d 'Read the password from standard input.'
complete -c lotor -n '__lotor_at "lotor racoonctl vpn-connect"' -l ca -r -F -d 'CA file: connect without a daemon, until Ctrl-C.'
complete -c lotor -n '__lotor_at "lotor racoonctl vpn-connect"' -l keep -d 'With --ca: a connection that is lost comes back by itself.'
complete -c lotor -n '__lotor_at "lotor racoonctl vpn-connect"' -l single-process -d 'With --ca: one process as root does everything, for debugging.'
complete -c lotor -n '__lotor_at "lotor racoonctl vpn-connect"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl vpn-connect"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl vc"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl vc"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl vc"' -s u -l user -x -d 'Login; without it xauth_login, or you are asked.'
complete -c lotor -n '__lotor_at "lotor racoonctl vc"' -l password-stdin -d 'Read the password from standard input.'
complete -c lotor -n '__lotor_at "lotor racoonctl vc"' -l ca -r -F -d 'CA file: connect without a daemon, until Ctrl-C.'
complete -c lotor -n '__lotor_at "lotor racoonctl vc"' -l keep -d 'With --ca: a connection that is lost comes back by itself.'
complete -c lotor -n '__lotor_at "lotor racoonctl vc"' -l single-process -d 'With --ca: one process as root does everything, for debugging.'
complete -c lotor -n '__lotor_at "lotor racoonctl vc"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl vc"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl vpn-disconnect"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl vpn-disconnect"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl vpn-disconnect"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl vpn-disconnect"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl vd"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl vd"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl vd"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl vd"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl status"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl status"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl status"' -s v -l verbose -d 'Accepted: all of it is always shown.'
complete -c lotor -n '__lotor_at "lotor racoonctl status"' -s f -l format -x -a 'text json' -d 'How it is written.'
complete -c lotor -n '__lotor_at "lotor racoonctl status"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl st"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl st"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl st"' -s v -l verbose -d 'Accepted: all of it is always shown.'
complete -c lotor -n '__lotor_at "lotor racoonctl st"' -s f -l format -x -a 'text json' -d 'How it is written.'
complete -c lotor -n '__lotor_at "lotor racoonctl st"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl show-event"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl show-event"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl show-event"' -l json -d 'A line of JSON for each event.'
complete -c lotor -n '__lotor_at "lotor racoonctl show-event"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl show-event"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl se"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl se"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl se"' -l json -d 'A line of JSON for each event.'
complete -c lotor -n '__lotor_at "lotor racoonctl se"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl se"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl reload-config"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl reload-config"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl reload-config"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl reload-config"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl rc"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl rc"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl rc"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl rc"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl logout-user"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl logout-user"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl logout-user"' -l session -x -d 'End the session of this number instead.'
complete -c lotor -n '__lotor_at "lotor racoonctl logout-user"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl logout-user"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl lu"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl lu"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl lu"' -l session -x -d 'End the session of this number instead.'
complete -c lotor -n '__lotor_at "lotor racoonctl lu"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl lu"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl show-sa"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl show-sa"' -a 'isakmp esp ah ipsec internal'
complete -c lotor -n '__lotor_at "lotor racoonctl show-sa"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl show-sa"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl show-sa"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl ss"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl ss"' -a 'isakmp esp ah ipsec internal'
complete -c lotor -n '__lotor_at "lotor racoonctl ss"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl ss"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl ss"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl flush-sa"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl flush-sa"' -a 'isakmp esp ah ipsec internal'
complete -c lotor -n '__lotor_at "lotor racoonctl flush-sa"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl flush-sa"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl flush-sa"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl fs"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl fs"' -a 'isakmp esp ah ipsec internal'
complete -c lotor -n '__lotor_at "lotor racoonctl fs"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl fs"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl fs"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl delete-sa"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl delete-sa"' -a 'isakmp esp ah ipsec internal inet inet6'
complete -c lotor -n '__lotor_at "lotor racoonctl delete-sa"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl delete-sa"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl delete-sa"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl ds"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl ds"' -a 'isakmp esp ah ipsec internal inet inet6'
complete -c lotor -n '__lotor_at "lotor racoonctl ds"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl ds"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl ds"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl establish-sa"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl establish-sa"' -a 'isakmp esp ah ipsec internal inet inet6'
complete -c lotor -n '__lotor_at "lotor racoonctl establish-sa"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl establish-sa"' -s u -x -d 'Login; without it xauth_login, or you are asked.'
complete -c lotor -n '__lotor_at "lotor racoonctl establish-sa"' -s n -x -d 'Name of the remote block.'
complete -c lotor -n '__lotor_at "lotor racoonctl establish-sa"' -s w -d 'Accepted: lotor always waits.'
complete -c lotor -n '__lotor_at "lotor racoonctl establish-sa"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl establish-sa"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl es"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl es"' -a 'isakmp esp ah ipsec internal inet inet6'
complete -c lotor -n '__lotor_at "lotor racoonctl es"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl es"' -s u -x -d 'Login; without it xauth_login, or you are asked.'
complete -c lotor -n '__lotor_at "lotor racoonctl es"' -s n -x -d 'Name of the remote block.'
complete -c lotor -n '__lotor_at "lotor racoonctl es"' -s w -d 'Accepted: lotor always waits.'
complete -c lotor -n '__lotor_at "lotor racoonctl es"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl es"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl get-cert"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl get-cert"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl gc"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl gc"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl show-schedule"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl show-schedule"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl show-schedule"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl show-schedule"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor racoonctl sc"' -f
complete -c lotor -n '__lotor_at "lotor racoonctl sc"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor racoonctl sc"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor racoonctl sc"' -s f -l file -r -F -d 'Configuration that names the socket.'
complete -c lotor -n '__lotor_at "lotor setkey"' -f
complete -c lotor -n '__lotor_at "lotor setkey"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor setkey"' -s D -d 'Show SAs, with -P policies.'
complete -c lotor -n '__lotor_at "lotor setkey"' -s F -d 'End every session; with -P the same, for policies go with SAs.'
complete -c lotor -n '__lotor_at "lotor setkey"' -s P -d 'Policies in place of SAs.'
complete -c lotor -n '__lotor_at "lotor setkey"' -s s -l socket -r -F -d 'Control socket of the daemon.'
complete -c lotor -n '__lotor_at "lotor help"' -f
complete -c lotor -n '__lotor_at "lotor help"' -s h -l help -d 'Show this message and exit.'
complete -c lotor -n '__lotor_at "lotor version"' -f
complete -c lotor -n '__lotor_at "lotor version"' -s h -l help -d 'Show this message and exit.'
