# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_sandbox_global_optspecs
    string join \n root= v/verbose q/quiet color= h/help V/version
end

function __fish_sandbox_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_sandbox_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_sandbox_using_subcommand
    set -l cmd (__fish_sandbox_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c sandbox -n "__fish_sandbox_needs_command" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_needs_command" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_needs_command" -s v -l verbose -d 'Say more about what is done'
complete -c sandbox -n "__fish_sandbox_needs_command" -s q -l quiet -d 'Say nothing but errors'
complete -c sandbox -n "__fish_sandbox_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_needs_command" -s V -l version -d 'Print version'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "run" -d 'Run a command in a new sandbox'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "pull" -d 'Fetch an image and unpack it'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "images" -d 'List the images in the store'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "rmi" -d 'Remove images from the store'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "tag" -d 'Give an image in the store a further name'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "history" -d 'Show the steps by which an image was made, the last one first'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "inspect" -d 'Show what is known about images in the store, as JSON'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "image" -d 'Work with images, by docker\'s grouped names'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "info" -d 'Show what this machine can do, and what to do where something is missing'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "version" -d 'Show the version of this program'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s e -l env -d 'Set a variable; without a value, to the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l env-file -d 'Set the variables that a file lists, one a line' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s w -l workdir -d 'Directory to start in' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s u -l user -d 'User to run as, by the names of the image or by number' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l group-add -d 'Further groups of that user' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l entrypoint -d 'Program to run instead of the image\'s entrypoint; empty for none' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s v -l volume -d 'Show a file or directory of the host inside' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l mount -d 'The same in docker\'s long notation, and file systems in memory' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l tmpfs -d 'Mount a file system in memory' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s h -l hostname -d 'Host name inside' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l network -l net -d 'Network to connect to: user reaches the outside from an address of its own, none has only loopback, host is the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s p -l publish -d 'Let the host\'s port reach one inside; without the host\'s, a free one is chosen and printed' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l dns -d 'Resolver to ask instead of the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l dns-search -d 'Domain in which to look for short names, instead of the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l add-host -d 'Give an address a name; host-gateway is the address of the host' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l allow -d 'Let nothing but this be reached: a name, *.name, an address or a network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l deny -d 'Do not let this be reached' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l host-loopback -d 'Let a port of the host\'s loopback be reached, at host.sandbox.internal' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l network-log -d 'Write a line of JSON about each connection' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l cap-add -d 'Grant a capability, or ALL' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l cap-drop -d 'Withhold a capability, or ALL' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l security-opt -d 'seccomp=unconfined, seccomp=FILE, or no-new-privileges' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l privileged -d 'All capabilities within the sandbox\'s own user namespace, no filter, nothing hidden' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l timeout -d 'End the command after this time, such as 30s or 5m' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l pull -d 'When to ask the registry for the image' -r -f -a "missing\t'If it is not in the store'
always\t'Every time; what is in the store already is not fetched again'
never\t'Not at all'"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l platform -d 'Platform to run, such as linux/arm64' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l shm-size -d 'Size of /dev/shm' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l ulimit -d 'Set a resource limit' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l pid -d 'Whose processes are seen inside' -r -f -a "host\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l stop-signal -d 'Signal that asks the command to end, instead of the image\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s l -l label -d 'Note something about the sandbox' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l tls-verify -d 'Whether to insist on HTTPS with a certificate that can be verified' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l cgroupns -r -f -a "private\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l ipc -r -f -a "private\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l isolation -r -f -a "default\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l log-driver -r -f -a "none\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l sig-proxy -r -f -a "true\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l disable-content-trust -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l read-only -d 'Let nothing but volumes be written'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s i -l interactive -d 'Let the command read standard input'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s t -l tty -d 'Give the command a terminal'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l rm -d 'Leave nothing behind, as is always the case'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s P -l publish-all -d 'Publish every port that the image exposes'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l init -d 'Put an init in front that reaps orphans and passes signals on'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s q -l quiet -d 'Show no progress and no notes'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l help -d 'Print help'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l no-healthcheck
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l platform -d 'Platform to fetch it for, such as linux/arm64' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l tls-verify -d 'Whether to insist on HTTPS with a certificate that can be verified' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -s q -l quiet -d 'Show no progress'
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -l format -d 'How to print them' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -s q -l quiet -d 'Print digests only'
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand rmi" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand rmi" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand rmi" -s f -l force -d 'It is no error if an image is not there'
complete -c sandbox -n "__fish_sandbox_using_subcommand rmi" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand tag" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand tag" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand tag" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand history" -l format -d 'How to print them: `text`, `json`, or a template such as `{{.CreatedBy}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand history" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand history" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand history" -l no-trunc -d 'Shorten nothing'
complete -c sandbox -n "__fish_sandbox_using_subcommand history" -s q -l quiet -d 'Print ids only'
complete -c sandbox -n "__fish_sandbox_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand inspect" -s f -l format -d 'Print this of each image, such as `{{.Config.Env}}`; `json` for one line of JSON' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand inspect" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand inspect" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull rm tag history inspect help" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull rm tag history inspect help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull rm tag history inspect help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull rm tag history inspect help" -f -a "ls" -d 'List the images in the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull rm tag history inspect help" -f -a "pull" -d 'Fetch an image and unpack it'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull rm tag history inspect help" -f -a "rm" -d 'Remove images from the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull rm tag history inspect help" -f -a "tag" -d 'Give an image in the store a further name'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull rm tag history inspect help" -f -a "history" -d 'Show the steps by which an image was made, the last one first'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull rm tag history inspect help" -f -a "inspect" -d 'Show what is known about images in the store, as JSON'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull rm tag history inspect help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -l format -d 'How to print them' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'Print digests only'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l platform -d 'Platform to fetch it for, such as linux/arm64' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l tls-verify -d 'Whether to insist on HTTPS with a certificate that can be verified' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -s q -l quiet -d 'Show no progress'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from rm" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from rm" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from rm" -s f -l force -d 'It is no error if an image is not there'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from tag" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from tag" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from tag" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from history" -l format -d 'How to print them: `text`, `json`, or a template such as `{{.CreatedBy}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from history" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from history" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from history" -l no-trunc -d 'Shorten nothing'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from history" -s q -l quiet -d 'Print ids only'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from inspect" -s f -l format -d 'Print this of each image, such as `{{.Config.Env}}`; `json` for one line of JSON' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from inspect" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from inspect" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "ls" -d 'List the images in the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "pull" -d 'Fetch an image and unpack it'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "rm" -d 'Remove images from the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "tag" -d 'Give an image in the store a further name'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "history" -d 'Show the steps by which an image was made, the last one first'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "inspect" -d 'Show what is known about images in the store, as JSON'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand info" -l format -d 'How to print it' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c sandbox -n "__fish_sandbox_using_subcommand info" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand info" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand version" -l format -d 'How to print it' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c sandbox -n "__fish_sandbox_using_subcommand version" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand version" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run pull images rmi tag history inspect image info version help" -f -a "run" -d 'Run a command in a new sandbox'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run pull images rmi tag history inspect image info version help" -f -a "pull" -d 'Fetch an image and unpack it'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run pull images rmi tag history inspect image info version help" -f -a "images" -d 'List the images in the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run pull images rmi tag history inspect image info version help" -f -a "rmi" -d 'Remove images from the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run pull images rmi tag history inspect image info version help" -f -a "tag" -d 'Give an image in the store a further name'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run pull images rmi tag history inspect image info version help" -f -a "history" -d 'Show the steps by which an image was made, the last one first'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run pull images rmi tag history inspect image info version help" -f -a "inspect" -d 'Show what is known about images in the store, as JSON'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run pull images rmi tag history inspect image info version help" -f -a "image" -d 'Work with images, by docker\'s grouped names'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run pull images rmi tag history inspect image info version help" -f -a "info" -d 'Show what this machine can do, and what to do where something is missing'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run pull images rmi tag history inspect image info version help" -f -a "version" -d 'Show the version of this program'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run pull images rmi tag history inspect image info version help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "ls" -d 'List the images in the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "pull" -d 'Fetch an image and unpack it'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "rm" -d 'Remove images from the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "tag" -d 'Give an image in the store a further name'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "history" -d 'Show the steps by which an image was made, the last one first'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "inspect" -d 'Show what is known about images in the store, as JSON'
