# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_sandbox_global_optspecs
    string join \n root= offline v/verbose q/quiet color= status-fd= h/help V/version
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
complete -c sandbox -n "__fish_sandbox_needs_command" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_needs_command" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_needs_command" -s v -l verbose -d 'Say more about what is done'
complete -c sandbox -n "__fish_sandbox_needs_command" -s q -l quiet -d 'Say nothing but errors'
complete -c sandbox -n "__fish_sandbox_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_needs_command" -s V -l version -d 'Print version'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "run" -d 'Run a command in a new sandbox'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "create" -d 'Make a sandbox, and print its id'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "start" -d 'Start sandboxes that do not run'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "stop" -d 'Ask sandboxes to end, and insist after a while'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "restart" -d 'Stop sandboxes that run, and start them'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "kill" -d 'Send a signal to the command of sandboxes'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "pause" -d 'Hold all processes of sandboxes still'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "unpause" -d 'Let sandboxes go on that are paused'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "rm" -d 'Remove sandboxes, with everything that they wrote outside of volumes'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "rename" -d 'Call a sandbox by another name'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "ps" -d 'List sandboxes that run'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "logs" -d 'Show what a sandbox has written'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "attach" -d 'See what a sandbox writes from now on, and type to it'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "exec" -d 'Run one more command in a sandbox that runs'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "commit" -d 'Make an image of what a sandbox has become'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "cp" -d 'Copy files into a sandbox, or out of it'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "diff" -d 'Show which files a sandbox has added (A), changed (C) and deleted (D)'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "apply" -d 'Take over what a sandbox has changed in directories mounted with `:cow`'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "discard" -d 'Drop what a sandbox has changed in directories mounted with `:cow`'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "export" -d 'Write all files of a sandbox to a tar'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "events" -d 'Show what happens to sandboxes, until it is ended'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "wait" -d 'Wait until sandboxes have ended, and print their exit codes'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "port" -d 'Show which ports of the host lead into a sandbox'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "top" -d 'Show the processes of a sandbox'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "stats" -d 'Show what sandboxes use, each second anew'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "pull" -d 'Fetch an image and unpack it'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "push" -d 'Put an image into a registry'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "login" -d 'Log in to a registry, and stay so'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "logout" -d 'Forget the password for a registry'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "lock" -d 'Record in sandbox.lock what images are, so that `run --locked` takes just those'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "images" -d 'List the images in the store'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "rmi" -d 'Remove images from the store'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "tag" -d 'Give an image in the store a further name'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "save" -d 'Write images to an archive'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "load" -d 'Read images from an archive'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "import" -d 'Make an image of one layer from a tar of a file system'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "history" -d 'Show the steps by which an image was made, the last one first'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "inspect" -d 'Show what is known about sandboxes and images, as JSON'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "image" -d 'Work with images, by docker\'s grouped names'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "container" -d 'Work with sandboxes, by docker\'s grouped names'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "network" -d 'Networks on which sandboxes find each other by name'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "domain" -d 'Run programs where sandboxes are made'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "generate" -d 'Write files with which other programs run sandboxes'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "system" -d 'Look after the store: what it takes, what of it can go, whether it is whole'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "info" -d 'Show what this machine can do, and what to do where something is missing'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "version" -d 'Show the version of this program'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "volume" -d 'Make, list, copy and remove volumes'
complete -c sandbox -n "__fish_sandbox_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l detach-keys -d 'Keys that leave a sandbox which has a name running, and return' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s e -l env -d 'Set a variable; without a value, to the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l env-file -d 'Set the variables that a file lists, one a line' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s w -l workdir -d 'Directory to start in' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s u -l user -d 'User to run as, by the names of the image or by number' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l group-add -d 'Further groups of that user, or keep-groups for the ones you have' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l userns -d 'Which user inside is you outside: root, that user of yours, or, without either, whoever the command runs as if files of yours are mounted' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l entrypoint -d 'Program to run instead of the image\'s entrypoint; empty for none' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s v -l volume -d 'Show a file or directory of the host inside, or a volume; one without a name if there is no source' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l mount -d 'The same in docker\'s long notation, file systems in memory and images' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l tmpfs -d 'Mount a file system in memory' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l device -d 'Hand over a device of the host, all below a directory, or what a file of the Container Device Interface describes' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l gpus -d 'Hand over GPUs' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s h -l hostname -d 'Host name inside' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l name -d 'Call it by a name, and keep it when its command has ended' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l cidfile -d 'Write the id to this file, which must not be there' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l log-driver -d 'Whether there is a log: none, or local, which json-file means as well' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l log-opt -d 'max-size=BYTES of a file of the log, and max-file=COUNT of them' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l network -l net -d 'Network to connect to: user reaches the outside from an address of its own, none has only loopback, host is the host\'s, and container:SANDBOX that of another sandbox; NAME is one of `sandbox network create`, of which there may be several, with ip=, ip6=, mac= and alias= after a colon; cni:NAME is one that CNI plugins make' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l ip -d 'Address on the first named network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l ip6 -d 'IPv6 address on the first named network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l mac-address -d 'Address of the interface on the first named network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l network-alias -l net-alias -d 'Another name on all named networks' -r
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
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l timeout -d 'End the command after this time, such as 30s or 5m' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l pull -d 'When to ask the registry for the image' -r -f -a "missing\t'If it is not in the store'
always\t'Every time; what is in the store already is not fetched again'
never\t'Not at all'"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l lockfile -d 'The same with another file' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l platform -d 'Platform to run, such as linux/arm64' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l shm-size -d 'Size of /dev/shm' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l ulimit -d 'Set a resource limit' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l sysctl -d 'Set a parameter of the kernel that the sandbox has for itself, such as net.*' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l oom-score-adj -d 'How soon the kernel ends the command when memory is short, from -1000 to 1000' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s m -l memory -d 'Memory for all of its processes together' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l memory-swap -d 'Memory and swap together; -1 for no limit, twice the memory if not given' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l cpus -d 'Time of so many CPUs, such as 1.5' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l cpuset-cpus -d 'CPUs to run on, such as 0-2,7' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l pids-limit -d 'Processes and threads; -1 for no limit' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l limits -d 'Whether to refuse limits that a cgroup does not hold' -r -f -a "strict\t'Refuse it'
best-effort\t'Do what can be done, and say what that is'"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l health-cmd -d 'Command line for a shell inside that tells whether all is well' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l health-interval -d 'Time between checks [default: 30s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l health-retries -d 'Failures in a row that make it unhealthy [default: 3]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l health-start-period -d 'Time after the start in which failures do not count [default: 0s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l health-start-interval -d 'Time between checks in the start period [default: 5s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l health-timeout -d 'Time that a check may take [default: 30s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l pid -d 'Whose processes are seen inside, instead of only its own' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l volumes-from -d 'Mount what another sandbox has mounted' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l stop-signal -d 'Signal that asks the command to end, instead of the image\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l stop-timeout -d 'Seconds that `stop` and `restart` give it to end; -1 for as long as it takes' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l expose -d 'A port that it serves, for --publish-all' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s l -l label -d 'Note something about the sandbox' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l label-file -d 'Note what a file lists, one KEY[=VALUE] a line' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l creds -d 'User name and password for the registry of the image, instead of what `sandbox login` has kept' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l authfile -d 'File with the credentials, and no other [env: REGISTRY_AUTH_FILE]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l cert-dir -d 'Directory with certificates for the registry: *.crt to trust, *.cert and *.key to show' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l tls-verify -d 'Whether to insist on HTTPS with a certificate that can be verified' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l cgroupns -r -f -a "private\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l ipc -r -f -a "private\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l isolation -r -f -a "default\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l sig-proxy -r -f -a "true\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l disable-content-trust -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s d -l detach -d 'Run in the background, and print the id'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l read-only -d 'Let nothing but volumes be written'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s i -l interactive -d 'Let the command read standard input'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s t -l tty -d 'Give the command a terminal'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l keep -d 'Keep it when its command has ended'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l rm -d 'Leave nothing behind, although it has a name'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s P -l publish-all -d 'Publish every port that the image exposes'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l privileged -d 'All capabilities within the sandbox\'s own user namespace, no filter, nothing hidden'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l init -d 'Put an init in front that reaps orphans and passes signals on'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l locked -d 'Take just the image that sandbox.lock records, here or in a directory above, or fail [env: SANDBOX_LOCKED]'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l no-healthcheck -d 'Make no checks, also if the image wants some'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -s q -l quiet -d 'Show no progress and no notes'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l help -d 'Print help'
complete -c sandbox -n "__fish_sandbox_using_subcommand run" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -s e -l env -d 'Set a variable; without a value, to the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l env-file -d 'Set the variables that a file lists, one a line' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -s w -l workdir -d 'Directory to start in' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -s u -l user -d 'User to run as, by the names of the image or by number' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l group-add -d 'Further groups of that user, or keep-groups for the ones you have' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l userns -d 'Which user inside is you outside: root, that user of yours, or, without either, whoever the command runs as if files of yours are mounted' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l entrypoint -d 'Program to run instead of the image\'s entrypoint; empty for none' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -s v -l volume -d 'Show a file or directory of the host inside, or a volume; one without a name if there is no source' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l mount -d 'The same in docker\'s long notation, file systems in memory and images' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l tmpfs -d 'Mount a file system in memory' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l device -d 'Hand over a device of the host, all below a directory, or what a file of the Container Device Interface describes' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l gpus -d 'Hand over GPUs' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -s h -l hostname -d 'Host name inside' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l name -d 'Call it by a name, and keep it when its command has ended' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l cidfile -d 'Write the id to this file, which must not be there' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l log-driver -d 'Whether there is a log: none, or local, which json-file means as well' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l log-opt -d 'max-size=BYTES of a file of the log, and max-file=COUNT of them' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l network -l net -d 'Network to connect to: user reaches the outside from an address of its own, none has only loopback, host is the host\'s, and container:SANDBOX that of another sandbox; NAME is one of `sandbox network create`, of which there may be several, with ip=, ip6=, mac= and alias= after a colon; cni:NAME is one that CNI plugins make' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l ip -d 'Address on the first named network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l ip6 -d 'IPv6 address on the first named network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l mac-address -d 'Address of the interface on the first named network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l network-alias -l net-alias -d 'Another name on all named networks' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -s p -l publish -d 'Let the host\'s port reach one inside; without the host\'s, a free one is chosen and printed' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l dns -d 'Resolver to ask instead of the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l dns-search -d 'Domain in which to look for short names, instead of the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l add-host -d 'Give an address a name; host-gateway is the address of the host' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l allow -d 'Let nothing but this be reached: a name, *.name, an address or a network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l deny -d 'Do not let this be reached' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l host-loopback -d 'Let a port of the host\'s loopback be reached, at host.sandbox.internal' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l network-log -d 'Write a line of JSON about each connection' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l cap-add -d 'Grant a capability, or ALL' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l cap-drop -d 'Withhold a capability, or ALL' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l security-opt -d 'seccomp=unconfined, seccomp=FILE, or no-new-privileges' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l timeout -d 'End the command after this time, such as 30s or 5m' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l pull -d 'When to ask the registry for the image' -r -f -a "missing\t'If it is not in the store'
always\t'Every time; what is in the store already is not fetched again'
never\t'Not at all'"
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l lockfile -d 'The same with another file' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l platform -d 'Platform to run, such as linux/arm64' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l shm-size -d 'Size of /dev/shm' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l ulimit -d 'Set a resource limit' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l sysctl -d 'Set a parameter of the kernel that the sandbox has for itself, such as net.*' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l oom-score-adj -d 'How soon the kernel ends the command when memory is short, from -1000 to 1000' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -s m -l memory -d 'Memory for all of its processes together' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l memory-swap -d 'Memory and swap together; -1 for no limit, twice the memory if not given' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l cpus -d 'Time of so many CPUs, such as 1.5' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l cpuset-cpus -d 'CPUs to run on, such as 0-2,7' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l pids-limit -d 'Processes and threads; -1 for no limit' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l limits -d 'Whether to refuse limits that a cgroup does not hold' -r -f -a "strict\t'Refuse it'
best-effort\t'Do what can be done, and say what that is'"
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l health-cmd -d 'Command line for a shell inside that tells whether all is well' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l health-interval -d 'Time between checks [default: 30s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l health-retries -d 'Failures in a row that make it unhealthy [default: 3]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l health-start-period -d 'Time after the start in which failures do not count [default: 0s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l health-start-interval -d 'Time between checks in the start period [default: 5s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l health-timeout -d 'Time that a check may take [default: 30s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l pid -d 'Whose processes are seen inside, instead of only its own' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l volumes-from -d 'Mount what another sandbox has mounted' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l stop-signal -d 'Signal that asks the command to end, instead of the image\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l stop-timeout -d 'Seconds that `stop` and `restart` give it to end; -1 for as long as it takes' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l expose -d 'A port that it serves, for --publish-all' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -s l -l label -d 'Note something about the sandbox' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l label-file -d 'Note what a file lists, one KEY[=VALUE] a line' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l creds -d 'User name and password for the registry of the image, instead of what `sandbox login` has kept' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l authfile -d 'File with the credentials, and no other [env: REGISTRY_AUTH_FILE]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l cert-dir -d 'Directory with certificates for the registry: *.crt to trust, *.cert and *.key to show' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l tls-verify -d 'Whether to insist on HTTPS with a certificate that can be verified' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l cgroupns -r -f -a "private\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l ipc -r -f -a "private\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l isolation -r -f -a "default\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l sig-proxy -r -f -a "true\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l disable-content-trust -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l read-only -d 'Let nothing but volumes be written'
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -s i -l interactive -d 'Let the command read standard input'
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -s t -l tty -d 'Give the command a terminal'
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l keep -d 'Keep it when its command has ended'
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l rm -d 'Leave nothing behind, although it has a name'
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -s P -l publish-all -d 'Publish every port that the image exposes'
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l privileged -d 'All capabilities within the sandbox\'s own user namespace, no filter, nothing hidden'
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l init -d 'Put an init in front that reaps orphans and passes signals on'
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l locked -d 'Take just the image that sandbox.lock records, here or in a directory above, or fail [env: SANDBOX_LOCKED]'
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l no-healthcheck -d 'Make no checks, also if the image wants some'
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -s q -l quiet -d 'Show no progress and no notes'
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l help -d 'Print help'
complete -c sandbox -n "__fish_sandbox_using_subcommand create" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand start" -l detach-keys -d 'Keys that leave it running, and return' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand start" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand start" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand start" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand start" -s a -l attach -d 'Show what it writes, pass signals on, and exit with its exit code'
complete -c sandbox -n "__fish_sandbox_using_subcommand start" -s i -l interactive -d 'Let it read standard input, too'
complete -c sandbox -n "__fish_sandbox_using_subcommand start" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand start" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand stop" -s t -l time -l timeout -d 'Seconds until it is killed, -1 for never; 10 if `--stop-timeout` has not said otherwise' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand stop" -s s -l signal -d 'Signal that asks, instead of the sandbox\'s own' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand stop" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand stop" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand stop" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand stop" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand restart" -s t -l time -l timeout -d 'Seconds until one that does not end is killed, -1 for never; 10 if `--stop-timeout` has not said otherwise' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand restart" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand restart" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand restart" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand restart" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand restart" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand kill" -s s -l signal -d 'Signal to send, by name or number' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand kill" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand kill" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand kill" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand kill" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand kill" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand pause" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand pause" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand pause" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand pause" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand pause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand unpause" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand unpause" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand unpause" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand unpause" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand unpause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand rm" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand rm" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand rm" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand rm" -s f -l force -d 'End those that run; do not mind if there are none'
complete -c sandbox -n "__fish_sandbox_using_subcommand rm" -s v -l volumes -d 'Remove volumes without a name, too'
complete -c sandbox -n "__fish_sandbox_using_subcommand rm" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand rename" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand rename" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand rename" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand rename" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand rename" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand ps" -s f -l filter -d 'Only those that fit: id=, name=, label=KEY[=VALUE], status=, exited=CODE, health=, ancestor=IMAGE' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand ps" -s n -l last -d 'Only the newest COUNT, whether they run or not' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand ps" -l format -d 'table, json, or a template such as `{{.Names}} {{.Status}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand ps" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand ps" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand ps" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand ps" -s a -l all -d 'Those that do not run, too'
complete -c sandbox -n "__fish_sandbox_using_subcommand ps" -s q -l quiet -d 'Only ids'
complete -c sandbox -n "__fish_sandbox_using_subcommand ps" -s l -l latest -d 'Only the newest'
complete -c sandbox -n "__fish_sandbox_using_subcommand ps" -l no-trunc -d 'Do not shorten anything'
complete -c sandbox -n "__fish_sandbox_using_subcommand ps" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand ps" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand logs" -l since -d 'Only what is newer: a time (RFC 3339), or how long ago, such as 5m' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand logs" -l until -d 'Only what is older' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand logs" -s n -l tail -d 'Only so many lines from the end, or all' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand logs" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand logs" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand logs" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand logs" -s f -l follow -d 'Go on until it has ended'
complete -c sandbox -n "__fish_sandbox_using_subcommand logs" -s t -l timestamps -d 'Begin each line with its time'
complete -c sandbox -n "__fish_sandbox_using_subcommand logs" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand attach" -l detach-keys -d 'Keys that leave it running, and return' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand attach" -l sig-proxy -d 'Whether it gets the signals that this command gets' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand attach" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand attach" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand attach" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand attach" -l no-stdin -d 'Only see'
complete -c sandbox -n "__fish_sandbox_using_subcommand attach" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand attach" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand exec" -s e -l env -d 'Set a variable; without a value, to the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand exec" -l env-file -d 'Set the variables that a file lists, one a line' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand exec" -s u -l user -d 'User to run as, by the names of the image or by number' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand exec" -s w -l workdir -d 'Directory to start in' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand exec" -l detach-keys -r
complete -c sandbox -n "__fish_sandbox_using_subcommand exec" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand exec" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand exec" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand exec" -s d -l detach -d 'Return at once, and let it run'
complete -c sandbox -n "__fish_sandbox_using_subcommand exec" -s i -l interactive -d 'Let the command read standard input'
complete -c sandbox -n "__fish_sandbox_using_subcommand exec" -s t -l tty -d 'Give the command a terminal'
complete -c sandbox -n "__fish_sandbox_using_subcommand exec" -l privileged -d 'All capabilities within the sandbox\'s own user namespace, and no filter'
complete -c sandbox -n "__fish_sandbox_using_subcommand exec" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand exec" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand commit" -s a -l author -d 'Who made it' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand commit" -s c -l change -d 'Instruction of a Dockerfile to follow, such as `CMD ["sh"]` or `ENV A=1`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand commit" -s m -l message -d 'What its history is to say' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand commit" -s p -l pause -d 'Hold a sandbox that runs still meanwhile' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand commit" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand commit" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand commit" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand commit" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand commit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand cp" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand cp" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand cp" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand cp" -s a -l archive -d 'Keep owners, as far as there are such ids'
complete -c sandbox -n "__fish_sandbox_using_subcommand cp" -s L -l follow-link -d 'Copy what SOURCE leads to, if it is a link'
complete -c sandbox -n "__fish_sandbox_using_subcommand cp" -s q -l quiet -d 'Print nothing; nothing is printed anyway'
complete -c sandbox -n "__fish_sandbox_using_subcommand cp" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand cp" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand diff" -l format -d 'How to print it' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c sandbox -n "__fish_sandbox_using_subcommand diff" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand diff" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand diff" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand diff" -l stat -d 'How many lines of which files have changed below `:cow`'
complete -c sandbox -n "__fish_sandbox_using_subcommand diff" -s p -l patch -d 'Which lines have changed below `:cow`, as `git apply` takes it'
complete -c sandbox -n "__fish_sandbox_using_subcommand diff" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand apply" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand apply" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand apply" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand apply" -s n -l dry-run -d 'Only tell what would be done'
complete -c sandbox -n "__fish_sandbox_using_subcommand apply" -s f -l force -d 'Overwrite what has changed on the host'
complete -c sandbox -n "__fish_sandbox_using_subcommand apply" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand discard" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand discard" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand discard" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand discard" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand discard" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand export" -s o -l output -d 'File to write (standard output if there is none)' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand export" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand export" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand export" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand export" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand events" -l since -d 'Begin with what happened since a time (RFC 3339, or how long ago, such as 5m), as far as it is known still' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand events" -l until -d 'End at this time' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand events" -s f -l filter -d 'Only what fits: event=, container=, label=KEY[=VALUE], type=container' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand events" -l format -d 'json, or a template such as `{{.Action}} {{.Actor.Attributes.name}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand events" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand events" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand events" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand events" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand events" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand wait" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand wait" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand wait" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand wait" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand port" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand port" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand port" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand port" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand port" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand top" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand top" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand top" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand top" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand stats" -l format -d 'table, json, or a template such as `{{.Name}} {{.CPUPerc}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand stats" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand stats" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand stats" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand stats" -s a -l all -d 'Those that do not run, too'
complete -c sandbox -n "__fish_sandbox_using_subcommand stats" -l no-stream -d 'Once, and no more'
complete -c sandbox -n "__fish_sandbox_using_subcommand stats" -l no-trunc -d 'Do not shorten anything'
complete -c sandbox -n "__fish_sandbox_using_subcommand stats" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand stats" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l lockfile -d 'The same with another file' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l platform -d 'Platform to fetch it for, such as linux/arm64' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l creds -d 'User name and password for the registry of the image, instead of what `sandbox login` has kept' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l authfile -d 'File with the credentials, and no other [env: REGISTRY_AUTH_FILE]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l cert-dir -d 'Directory with certificates for the registry: *.crt to trust, *.cert and *.key to show' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l tls-verify -d 'Whether to insist on HTTPS with a certificate that can be verified' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l locked -d 'Take just the image that sandbox.lock records, here or in a directory above, or fail [env: SANDBOX_LOCKED]'
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -s q -l quiet -d 'Show no progress'
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand push" -l compression -d 'Compress all layers like this, whatever the registry has' -r -f -a "gzip\t''
zstd\t''
none\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand push" -l digestfile -d 'File to write the digest to' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand push" -l creds -d 'User name and password for the registry of the image, instead of what `sandbox login` has kept' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand push" -l authfile -d 'File with the credentials, and no other [env: REGISTRY_AUTH_FILE]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand push" -l cert-dir -d 'Directory with certificates for the registry: *.crt to trust, *.cert and *.key to show' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand push" -l tls-verify -d 'Whether to insist on HTTPS with a certificate that can be verified' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand push" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand push" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand push" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand push" -s q -l quiet -d 'Show no progress'
complete -c sandbox -n "__fish_sandbox_using_subcommand push" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand push" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand login" -s u -l username -d 'User name; asked for on a terminal' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand login" -s p -l password -d 'Password, which others can see while the command runs' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand login" -l authfile -d 'File to keep it in [env: REGISTRY_AUTH_FILE]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand login" -l cert-dir -d 'Directory with certificates for the registry: *.crt to trust, *.cert and *.key to show' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand login" -l tls-verify -d 'Whether to insist on HTTPS with a certificate that can be verified' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand login" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand login" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand login" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand login" -l password-stdin -d 'Read the password from standard input; else it is asked for on a terminal'
complete -c sandbox -n "__fish_sandbox_using_subcommand login" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand logout" -l authfile -d 'File to remove it from [env: REGISTRY_AUTH_FILE]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand logout" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand logout" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand logout" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand logout" -s a -l all -d 'Forget the passwords for all registries'
complete -c sandbox -n "__fish_sandbox_using_subcommand logout" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand lock" -l platform -d 'Platform to lock them for, such as linux/arm64; may be repeated (every linux platform if it is not given)' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand lock" -l file -d 'File to use instead of sandbox.lock' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand lock" -l tls-verify -d 'Whether to insist on HTTPS with a certificate that can be verified' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand lock" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand lock" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand lock" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand lock" -l check -d 'Change nothing; print what names stand for something else by now, and exit with 1 if one does'
complete -c sandbox -n "__fish_sandbox_using_subcommand lock" -l update -d 'Look up again what is locked, for the same platforms'
complete -c sandbox -n "__fish_sandbox_using_subcommand lock" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand lock" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -s f -l filter -d 'Only those that fit: reference=NAME, label=KEY[=VALUE], dangling=BOOL' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -l format -d 'How to print them: `text`, `json`, or a template such as `{{.Repository}}:{{.Tag}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -s q -l quiet -d 'Print digests only'
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -s a -l all -d 'Accepted, as there are no others than those shown'
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -l digests -d 'Accepted, as digests are always shown'
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -l no-trunc -d 'Do not shorten digests'
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand images" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand rmi" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand rmi" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand rmi" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand rmi" -s f -l force -d 'It is no error if an image is not there'
complete -c sandbox -n "__fish_sandbox_using_subcommand rmi" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand rmi" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand tag" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand tag" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand tag" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand tag" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand tag" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand save" -s o -l output -d 'File to write (standard output if there is none); a directory for `oci-dir`' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand save" -l format -d 'What to write' -r -f -a "docker-archive\t'What `docker load` and `podman load` read'
oci-archive\t'An OCI image layout in a tar'
oci-dir\t'An OCI image layout in a directory'"
complete -c sandbox -n "__fish_sandbox_using_subcommand save" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand save" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand save" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand save" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand save" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand load" -s i -l input -d 'File or directory to read (standard input if there is none)' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand load" -l platform -d 'Platform to take of images for several, such as linux/arm64' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand load" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand load" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand load" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand load" -s q -l quiet -d 'Show no progress'
complete -c sandbox -n "__fish_sandbox_using_subcommand load" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand load" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand import" -s c -l change -d 'Instruction of a Dockerfile to follow, such as `CMD ["sh"]` or `ENV A=1`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand import" -s m -l message -d 'What its history is to say' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand import" -l platform -d 'Platform that it is for, this machine\'s if it is not named' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand import" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand import" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand import" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand import" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand history" -l format -d 'How to print them: `text`, `json`, or a template such as `{{.CreatedBy}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand history" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand history" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand history" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand history" -l no-trunc -d 'Shorten nothing'
complete -c sandbox -n "__fish_sandbox_using_subcommand history" -s q -l quiet -d 'Print ids only'
complete -c sandbox -n "__fish_sandbox_using_subcommand history" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand inspect" -s f -l format -d 'Print this of each, such as `{{.State.Status}}`; `json` for one line of JSON' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand inspect" -l type -d 'What the names stand for' -r -f -a "container\t''
image\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand inspect" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand inspect" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand inspect" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand inspect" -s s -l size -d 'Accepted, and ignored: sizes are always known'
complete -c sandbox -n "__fish_sandbox_using_subcommand inspect" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -f -a "ls" -d 'List the images in the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -f -a "pull" -d 'Fetch an image and unpack it'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -f -a "push" -d 'Put an image into a registry'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -f -a "rm" -d 'Remove images from the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -f -a "tag" -d 'Give an image in the store a further name'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -f -a "save" -d 'Write images to an archive'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -f -a "load" -d 'Read images from an archive'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -f -a "import" -d 'Make an image of one layer from a tar of a file system'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -f -a "history" -d 'Show the steps by which an image was made, the last one first'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -f -a "inspect" -d 'Show what is known about sandboxes and images, as JSON'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -f -a "prune" -d 'Remove layers that no image needs'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and not __fish_seen_subcommand_from ls pull push rm tag save load import history inspect prune help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -s f -l filter -d 'Only those that fit: reference=NAME, label=KEY[=VALUE], dangling=BOOL' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -l format -d 'How to print them: `text`, `json`, or a template such as `{{.Repository}}:{{.Tag}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'Print digests only'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -s a -l all -d 'Accepted, as there are no others than those shown'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -l digests -d 'Accepted, as digests are always shown'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -l no-trunc -d 'Do not shorten digests'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l lockfile -d 'The same with another file' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l platform -d 'Platform to fetch it for, such as linux/arm64' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l creds -d 'User name and password for the registry of the image, instead of what `sandbox login` has kept' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l authfile -d 'File with the credentials, and no other [env: REGISTRY_AUTH_FILE]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l cert-dir -d 'Directory with certificates for the registry: *.crt to trust, *.cert and *.key to show' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l tls-verify -d 'Whether to insist on HTTPS with a certificate that can be verified' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l locked -d 'Take just the image that sandbox.lock records, here or in a directory above, or fail [env: SANDBOX_LOCKED]'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -s q -l quiet -d 'Show no progress'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from push" -l compression -d 'Compress all layers like this, whatever the registry has' -r -f -a "gzip\t''
zstd\t''
none\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from push" -l digestfile -d 'File to write the digest to' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from push" -l creds -d 'User name and password for the registry of the image, instead of what `sandbox login` has kept' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from push" -l authfile -d 'File with the credentials, and no other [env: REGISTRY_AUTH_FILE]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from push" -l cert-dir -d 'Directory with certificates for the registry: *.crt to trust, *.cert and *.key to show' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from push" -l tls-verify -d 'Whether to insist on HTTPS with a certificate that can be verified' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from push" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from push" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from push" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from push" -s q -l quiet -d 'Show no progress'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from push" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from push" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from rm" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from rm" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from rm" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from rm" -s f -l force -d 'It is no error if an image is not there'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from rm" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from tag" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from tag" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from tag" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from tag" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from tag" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from save" -s o -l output -d 'File to write (standard output if there is none); a directory for `oci-dir`' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from save" -l format -d 'What to write' -r -f -a "docker-archive\t'What `docker load` and `podman load` read'
oci-archive\t'An OCI image layout in a tar'
oci-dir\t'An OCI image layout in a directory'"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from save" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from save" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from save" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from save" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from save" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from load" -s i -l input -d 'File or directory to read (standard input if there is none)' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from load" -l platform -d 'Platform to take of images for several, such as linux/arm64' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from load" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from load" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from load" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from load" -s q -l quiet -d 'Show no progress'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from load" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from load" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from import" -s c -l change -d 'Instruction of a Dockerfile to follow, such as `CMD ["sh"]` or `ENV A=1`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from import" -s m -l message -d 'What its history is to say' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from import" -l platform -d 'Platform that it is for, this machine\'s if it is not named' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from import" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from import" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from import" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from import" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from history" -l format -d 'How to print them: `text`, `json`, or a template such as `{{.CreatedBy}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from history" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from history" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from history" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from history" -l no-trunc -d 'Shorten nothing'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from history" -s q -l quiet -d 'Print ids only'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from history" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from inspect" -s f -l format -d 'Print this of each, such as `{{.State.Status}}`; `json` for one line of JSON' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from inspect" -l type -d 'What the names stand for' -r -f -a "container\t''
image\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from inspect" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from inspect" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from inspect" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from inspect" -s s -l size -d 'Accepted, and ignored: sizes are always known'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from inspect" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from prune" -l older-than -d 'Of images and sandboxes, only what was not used for so long, such as 7d' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from prune" -l filter -d 'The same in docker\'s notation: until=TIME' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from prune" -l format -d 'How to print what was removed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from prune" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from prune" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from prune" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from prune" -s a -l all -d 'Remove all images that no sandbox uses, too'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from prune" -l dry-run -d 'Only show what would be removed'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from prune" -s f -l force -d 'Do not ask'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from prune" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "ls" -d 'List the images in the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "pull" -d 'Fetch an image and unpack it'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "push" -d 'Put an image into a registry'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "rm" -d 'Remove images from the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "tag" -d 'Give an image in the store a further name'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "save" -d 'Write images to an archive'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "load" -d 'Read images from an archive'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "import" -d 'Make an image of one layer from a tar of a file system'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "history" -d 'Show the steps by which an image was made, the last one first'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "inspect" -d 'Show what is known about sandboxes and images, as JSON'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "prune" -d 'Remove layers that no image needs'
complete -c sandbox -n "__fish_sandbox_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "attach" -d 'See what a sandbox writes from now on, and type to it'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "create" -d 'Make a sandbox, and print its id'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "exec" -d 'Run one more command in a sandbox that runs'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "inspect" -d 'Show what is known about sandboxes and images, as JSON'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "kill" -d 'Send a signal to the command of sandboxes'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "logs" -d 'Show what a sandbox has written'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "ls" -d 'List sandboxes that run'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "port" -d 'Show which ports of the host lead into a sandbox'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "prune" -d 'Remove the sandboxes that do not run'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "rename" -d 'Call a sandbox by another name'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "restart" -d 'Stop sandboxes that run, and start them'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "rm" -d 'Remove sandboxes, with everything that they wrote outside of volumes'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "run" -d 'Run a command in a new sandbox'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "start" -d 'Start sandboxes that do not run'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "stop" -d 'Ask sandboxes to end, and insist after a while'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "top" -d 'Show the processes of a sandbox'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "wait" -d 'Wait until sandboxes have ended, and print their exit codes'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and not __fish_seen_subcommand_from attach create exec inspect kill logs ls port prune rename restart rm run start stop top wait help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from attach" -l detach-keys -d 'Keys that leave it running, and return' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from attach" -l sig-proxy -d 'Whether it gets the signals that this command gets' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from attach" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from attach" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from attach" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from attach" -l no-stdin -d 'Only see'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from attach" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from attach" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -s e -l env -d 'Set a variable; without a value, to the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l env-file -d 'Set the variables that a file lists, one a line' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -s w -l workdir -d 'Directory to start in' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -s u -l user -d 'User to run as, by the names of the image or by number' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l group-add -d 'Further groups of that user, or keep-groups for the ones you have' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l userns -d 'Which user inside is you outside: root, that user of yours, or, without either, whoever the command runs as if files of yours are mounted' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l entrypoint -d 'Program to run instead of the image\'s entrypoint; empty for none' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -s v -l volume -d 'Show a file or directory of the host inside, or a volume; one without a name if there is no source' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l mount -d 'The same in docker\'s long notation, file systems in memory and images' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l tmpfs -d 'Mount a file system in memory' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l device -d 'Hand over a device of the host, all below a directory, or what a file of the Container Device Interface describes' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l gpus -d 'Hand over GPUs' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -s h -l hostname -d 'Host name inside' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l name -d 'Call it by a name, and keep it when its command has ended' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l cidfile -d 'Write the id to this file, which must not be there' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l log-driver -d 'Whether there is a log: none, or local, which json-file means as well' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l log-opt -d 'max-size=BYTES of a file of the log, and max-file=COUNT of them' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l network -l net -d 'Network to connect to: user reaches the outside from an address of its own, none has only loopback, host is the host\'s, and container:SANDBOX that of another sandbox; NAME is one of `sandbox network create`, of which there may be several, with ip=, ip6=, mac= and alias= after a colon; cni:NAME is one that CNI plugins make' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l ip -d 'Address on the first named network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l ip6 -d 'IPv6 address on the first named network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l mac-address -d 'Address of the interface on the first named network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l network-alias -l net-alias -d 'Another name on all named networks' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -s p -l publish -d 'Let the host\'s port reach one inside; without the host\'s, a free one is chosen and printed' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l dns -d 'Resolver to ask instead of the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l dns-search -d 'Domain in which to look for short names, instead of the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l add-host -d 'Give an address a name; host-gateway is the address of the host' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l allow -d 'Let nothing but this be reached: a name, *.name, an address or a network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l deny -d 'Do not let this be reached' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l host-loopback -d 'Let a port of the host\'s loopback be reached, at host.sandbox.internal' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l network-log -d 'Write a line of JSON about each connection' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l cap-add -d 'Grant a capability, or ALL' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l cap-drop -d 'Withhold a capability, or ALL' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l security-opt -d 'seccomp=unconfined, seccomp=FILE, or no-new-privileges' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l timeout -d 'End the command after this time, such as 30s or 5m' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l pull -d 'When to ask the registry for the image' -r -f -a "missing\t'If it is not in the store'
always\t'Every time; what is in the store already is not fetched again'
never\t'Not at all'"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l lockfile -d 'The same with another file' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l platform -d 'Platform to run, such as linux/arm64' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l shm-size -d 'Size of /dev/shm' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l ulimit -d 'Set a resource limit' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l sysctl -d 'Set a parameter of the kernel that the sandbox has for itself, such as net.*' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l oom-score-adj -d 'How soon the kernel ends the command when memory is short, from -1000 to 1000' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -s m -l memory -d 'Memory for all of its processes together' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l memory-swap -d 'Memory and swap together; -1 for no limit, twice the memory if not given' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l cpus -d 'Time of so many CPUs, such as 1.5' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l cpuset-cpus -d 'CPUs to run on, such as 0-2,7' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l pids-limit -d 'Processes and threads; -1 for no limit' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l limits -d 'Whether to refuse limits that a cgroup does not hold' -r -f -a "strict\t'Refuse it'
best-effort\t'Do what can be done, and say what that is'"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l health-cmd -d 'Command line for a shell inside that tells whether all is well' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l health-interval -d 'Time between checks [default: 30s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l health-retries -d 'Failures in a row that make it unhealthy [default: 3]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l health-start-period -d 'Time after the start in which failures do not count [default: 0s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l health-start-interval -d 'Time between checks in the start period [default: 5s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l health-timeout -d 'Time that a check may take [default: 30s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l pid -d 'Whose processes are seen inside, instead of only its own' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l volumes-from -d 'Mount what another sandbox has mounted' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l stop-signal -d 'Signal that asks the command to end, instead of the image\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l stop-timeout -d 'Seconds that `stop` and `restart` give it to end; -1 for as long as it takes' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l expose -d 'A port that it serves, for --publish-all' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -s l -l label -d 'Note something about the sandbox' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l label-file -d 'Note what a file lists, one KEY[=VALUE] a line' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l creds -d 'User name and password for the registry of the image, instead of what `sandbox login` has kept' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l authfile -d 'File with the credentials, and no other [env: REGISTRY_AUTH_FILE]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l cert-dir -d 'Directory with certificates for the registry: *.crt to trust, *.cert and *.key to show' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l tls-verify -d 'Whether to insist on HTTPS with a certificate that can be verified' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l cgroupns -r -f -a "private\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l ipc -r -f -a "private\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l isolation -r -f -a "default\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l sig-proxy -r -f -a "true\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l disable-content-trust -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l read-only -d 'Let nothing but volumes be written'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -s i -l interactive -d 'Let the command read standard input'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -s t -l tty -d 'Give the command a terminal'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l keep -d 'Keep it when its command has ended'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l rm -d 'Leave nothing behind, although it has a name'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -s P -l publish-all -d 'Publish every port that the image exposes'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l privileged -d 'All capabilities within the sandbox\'s own user namespace, no filter, nothing hidden'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l init -d 'Put an init in front that reaps orphans and passes signals on'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l locked -d 'Take just the image that sandbox.lock records, here or in a directory above, or fail [env: SANDBOX_LOCKED]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l no-healthcheck -d 'Make no checks, also if the image wants some'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -s q -l quiet -d 'Show no progress and no notes'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l help -d 'Print help'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from create" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from exec" -s e -l env -d 'Set a variable; without a value, to the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from exec" -l env-file -d 'Set the variables that a file lists, one a line' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from exec" -s u -l user -d 'User to run as, by the names of the image or by number' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from exec" -s w -l workdir -d 'Directory to start in' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from exec" -l detach-keys -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from exec" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from exec" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from exec" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from exec" -s d -l detach -d 'Return at once, and let it run'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from exec" -s i -l interactive -d 'Let the command read standard input'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from exec" -s t -l tty -d 'Give the command a terminal'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from exec" -l privileged -d 'All capabilities within the sandbox\'s own user namespace, and no filter'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from exec" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from exec" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from inspect" -s f -l format -d 'Print this of each, such as `{{.State.Status}}`; `json` for one line of JSON' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from inspect" -l type -d 'What the names stand for' -r -f -a "container\t''
image\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from inspect" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from inspect" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from inspect" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from inspect" -s s -l size -d 'Accepted, and ignored: sizes are always known'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from inspect" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from kill" -s s -l signal -d 'Signal to send, by name or number' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from kill" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from kill" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from kill" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from kill" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from kill" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from logs" -l since -d 'Only what is newer: a time (RFC 3339), or how long ago, such as 5m' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from logs" -l until -d 'Only what is older' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from logs" -s n -l tail -d 'Only so many lines from the end, or all' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from logs" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from logs" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from logs" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from logs" -s f -l follow -d 'Go on until it has ended'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from logs" -s t -l timestamps -d 'Begin each line with its time'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from logs" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from ls" -s f -l filter -d 'Only those that fit: id=, name=, label=KEY[=VALUE], status=, exited=CODE, health=, ancestor=IMAGE' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from ls" -s n -l last -d 'Only the newest COUNT, whether they run or not' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from ls" -l format -d 'table, json, or a template such as `{{.Names}} {{.Status}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from ls" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from ls" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from ls" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from ls" -s a -l all -d 'Those that do not run, too'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'Only ids'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from ls" -s l -l latest -d 'Only the newest'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from ls" -l no-trunc -d 'Do not shorten anything'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from ls" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from port" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from port" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from port" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from port" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from port" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from prune" -l filter -d 'Only those that fit: label=KEY[=VALUE], until=TIME, and what `ps` knows' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from prune" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from prune" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from prune" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from prune" -s f -l force -d 'Do not ask'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from prune" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from rename" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from rename" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from rename" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from rename" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from rename" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from restart" -s t -l time -l timeout -d 'Seconds until one that does not end is killed, -1 for never; 10 if `--stop-timeout` has not said otherwise' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from restart" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from restart" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from restart" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from restart" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from restart" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from rm" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from rm" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from rm" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from rm" -s f -l force -d 'End those that run; do not mind if there are none'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from rm" -s v -l volumes -d 'Remove volumes without a name, too'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from rm" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l detach-keys -d 'Keys that leave a sandbox which has a name running, and return' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -s e -l env -d 'Set a variable; without a value, to the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l env-file -d 'Set the variables that a file lists, one a line' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -s w -l workdir -d 'Directory to start in' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -s u -l user -d 'User to run as, by the names of the image or by number' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l group-add -d 'Further groups of that user, or keep-groups for the ones you have' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l userns -d 'Which user inside is you outside: root, that user of yours, or, without either, whoever the command runs as if files of yours are mounted' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l entrypoint -d 'Program to run instead of the image\'s entrypoint; empty for none' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -s v -l volume -d 'Show a file or directory of the host inside, or a volume; one without a name if there is no source' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l mount -d 'The same in docker\'s long notation, file systems in memory and images' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l tmpfs -d 'Mount a file system in memory' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l device -d 'Hand over a device of the host, all below a directory, or what a file of the Container Device Interface describes' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l gpus -d 'Hand over GPUs' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -s h -l hostname -d 'Host name inside' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l name -d 'Call it by a name, and keep it when its command has ended' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l cidfile -d 'Write the id to this file, which must not be there' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l log-driver -d 'Whether there is a log: none, or local, which json-file means as well' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l log-opt -d 'max-size=BYTES of a file of the log, and max-file=COUNT of them' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l network -l net -d 'Network to connect to: user reaches the outside from an address of its own, none has only loopback, host is the host\'s, and container:SANDBOX that of another sandbox; NAME is one of `sandbox network create`, of which there may be several, with ip=, ip6=, mac= and alias= after a colon; cni:NAME is one that CNI plugins make' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l ip -d 'Address on the first named network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l ip6 -d 'IPv6 address on the first named network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l mac-address -d 'Address of the interface on the first named network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l network-alias -l net-alias -d 'Another name on all named networks' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -s p -l publish -d 'Let the host\'s port reach one inside; without the host\'s, a free one is chosen and printed' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l dns -d 'Resolver to ask instead of the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l dns-search -d 'Domain in which to look for short names, instead of the host\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l add-host -d 'Give an address a name; host-gateway is the address of the host' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l allow -d 'Let nothing but this be reached: a name, *.name, an address or a network' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l deny -d 'Do not let this be reached' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l host-loopback -d 'Let a port of the host\'s loopback be reached, at host.sandbox.internal' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l network-log -d 'Write a line of JSON about each connection' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l cap-add -d 'Grant a capability, or ALL' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l cap-drop -d 'Withhold a capability, or ALL' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l security-opt -d 'seccomp=unconfined, seccomp=FILE, or no-new-privileges' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l timeout -d 'End the command after this time, such as 30s or 5m' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l pull -d 'When to ask the registry for the image' -r -f -a "missing\t'If it is not in the store'
always\t'Every time; what is in the store already is not fetched again'
never\t'Not at all'"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l lockfile -d 'The same with another file' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l platform -d 'Platform to run, such as linux/arm64' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l shm-size -d 'Size of /dev/shm' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l ulimit -d 'Set a resource limit' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l sysctl -d 'Set a parameter of the kernel that the sandbox has for itself, such as net.*' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l oom-score-adj -d 'How soon the kernel ends the command when memory is short, from -1000 to 1000' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -s m -l memory -d 'Memory for all of its processes together' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l memory-swap -d 'Memory and swap together; -1 for no limit, twice the memory if not given' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l cpus -d 'Time of so many CPUs, such as 1.5' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l cpuset-cpus -d 'CPUs to run on, such as 0-2,7' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l pids-limit -d 'Processes and threads; -1 for no limit' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l limits -d 'Whether to refuse limits that a cgroup does not hold' -r -f -a "strict\t'Refuse it'
best-effort\t'Do what can be done, and say what that is'"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l health-cmd -d 'Command line for a shell inside that tells whether all is well' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l health-interval -d 'Time between checks [default: 30s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l health-retries -d 'Failures in a row that make it unhealthy [default: 3]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l health-start-period -d 'Time after the start in which failures do not count [default: 0s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l health-start-interval -d 'Time between checks in the start period [default: 5s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l health-timeout -d 'Time that a check may take [default: 30s]' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l pid -d 'Whose processes are seen inside, instead of only its own' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l volumes-from -d 'Mount what another sandbox has mounted' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l stop-signal -d 'Signal that asks the command to end, instead of the image\'s' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l stop-timeout -d 'Seconds that `stop` and `restart` give it to end; -1 for as long as it takes' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l expose -d 'A port that it serves, for --publish-all' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -s l -l label -d 'Note something about the sandbox' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l label-file -d 'Note what a file lists, one KEY[=VALUE] a line' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l creds -d 'User name and password for the registry of the image, instead of what `sandbox login` has kept' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l authfile -d 'File with the credentials, and no other [env: REGISTRY_AUTH_FILE]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l cert-dir -d 'Directory with certificates for the registry: *.crt to trust, *.cert and *.key to show' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l tls-verify -d 'Whether to insist on HTTPS with a certificate that can be verified' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l cgroupns -r -f -a "private\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l ipc -r -f -a "private\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l isolation -r -f -a "default\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l sig-proxy -r -f -a "true\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l disable-content-trust -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -s d -l detach -d 'Run in the background, and print the id'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l read-only -d 'Let nothing but volumes be written'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -s i -l interactive -d 'Let the command read standard input'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -s t -l tty -d 'Give the command a terminal'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l keep -d 'Keep it when its command has ended'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l rm -d 'Leave nothing behind, although it has a name'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -s P -l publish-all -d 'Publish every port that the image exposes'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l privileged -d 'All capabilities within the sandbox\'s own user namespace, no filter, nothing hidden'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l init -d 'Put an init in front that reaps orphans and passes signals on'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l locked -d 'Take just the image that sandbox.lock records, here or in a directory above, or fail [env: SANDBOX_LOCKED]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l no-healthcheck -d 'Make no checks, also if the image wants some'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -s q -l quiet -d 'Show no progress and no notes'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l help -d 'Print help'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from run" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from start" -l detach-keys -d 'Keys that leave it running, and return' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from start" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from start" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from start" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from start" -s a -l attach -d 'Show what it writes, pass signals on, and exit with its exit code'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from start" -s i -l interactive -d 'Let it read standard input, too'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from start" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from start" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from stop" -s t -l time -l timeout -d 'Seconds until it is killed, -1 for never; 10 if `--stop-timeout` has not said otherwise' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from stop" -s s -l signal -d 'Signal that asks, instead of the sandbox\'s own' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from stop" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from stop" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from stop" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from stop" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from top" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from top" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from top" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from top" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from wait" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from wait" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from wait" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from wait" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "attach" -d 'See what a sandbox writes from now on, and type to it'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "create" -d 'Make a sandbox, and print its id'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "exec" -d 'Run one more command in a sandbox that runs'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "inspect" -d 'Show what is known about sandboxes and images, as JSON'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "kill" -d 'Send a signal to the command of sandboxes'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "logs" -d 'Show what a sandbox has written'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "ls" -d 'List sandboxes that run'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "port" -d 'Show which ports of the host lead into a sandbox'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "prune" -d 'Remove the sandboxes that do not run'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "rename" -d 'Call a sandbox by another name'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "restart" -d 'Stop sandboxes that run, and start them'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "rm" -d 'Remove sandboxes, with everything that they wrote outside of volumes'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "run" -d 'Run a command in a new sandbox'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "start" -d 'Start sandboxes that do not run'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "stop" -d 'Ask sandboxes to end, and insist after a while'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "top" -d 'Show the processes of a sandbox'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "wait" -d 'Wait until sandboxes have ended, and print their exit codes'
complete -c sandbox -n "__fish_sandbox_using_subcommand container; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -f -a "check" -d 'Ask CNI plugins whether what they made is still there'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -f -a "connect" -d 'Put a sandbox on a network'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -f -a "create" -d 'Make a network, and print its id'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -f -a "disconnect" -d 'Take a sandbox off a network'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -f -a "gc" -d 'Undo what killed sandboxes have left on CNI networks'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -f -a "inspect" -d 'Show networks, their addresses and members'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -f -a "ls" -d 'List networks'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -f -a "prune" -d 'Remove all networks that have no members'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -f -a "rm" -d 'Remove networks that have no members'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and not __fish_seen_subcommand_from check connect create disconnect gc inspect ls prune rm help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from check" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from check" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from check" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from check" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from connect" -l ip -d 'Its address there' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from connect" -l ip6 -d 'Its IPv6 address there' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from connect" -l alias -d 'Another name for it there' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from connect" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from connect" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from connect" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from connect" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from connect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from create" -l subnet -d 'Addresses of the network, such as 10.5.0.0/24; one range of IPv4, one of IPv6' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from create" -l gateway -d 'Address that no member gets' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from create" -l ip-range -d 'Part of the subnet from which members get their addresses' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from create" -l ipv6 -d 'Whether members have IPv6 addresses' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from create" -l label -d 'Label, for filters' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from create" -s o -l opt -d 'Option of the network: mtu=BYTES' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from create" -s d -l driver -d 'Kind of network, of which there is one' -r -f -a "bridge\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from create" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from create" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from create" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from create" -l internal -d 'Give it no way to the outside'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from create" -l isolated -d 'Let members reach the outside, and not each other'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from create" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from disconnect" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from disconnect" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from disconnect" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from disconnect" -s f -l force -d 'Accepted, as nothing more can be forced'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from disconnect" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from disconnect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from gc" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from gc" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from gc" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from gc" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from gc" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from inspect" -s f -l format -d 'json, or a template such as `{{.Name}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from inspect" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from inspect" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from inspect" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from inspect" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from ls" -s f -l filter -d 'Only those that fit: name=, id=, label=KEY[=VALUE], driver=bridge|cni' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from ls" -l format -d 'table, json, or a template such as `{{.Name}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from ls" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from ls" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from ls" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'Only ids'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from ls" -l no-trunc -d 'Do not shorten ids'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from ls" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from prune" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from prune" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from prune" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from prune" -s f -l force -d 'Do not ask'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from prune" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from rm" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from rm" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from rm" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from rm" -s f -l force -d 'Do not fail for one that is not there'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from rm" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from help" -f -a "check" -d 'Ask CNI plugins whether what they made is still there'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from help" -f -a "connect" -d 'Put a sandbox on a network'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from help" -f -a "create" -d 'Make a network, and print its id'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from help" -f -a "disconnect" -d 'Take a sandbox off a network'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from help" -f -a "gc" -d 'Undo what killed sandboxes have left on CNI networks'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from help" -f -a "inspect" -d 'Show networks, their addresses and members'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from help" -f -a "ls" -d 'List networks'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from help" -f -a "prune" -d 'Remove all networks that have no members'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from help" -f -a "rm" -d 'Remove networks that have no members'
complete -c sandbox -n "__fish_sandbox_using_subcommand network; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand domain; and not __fish_seen_subcommand_from exec help" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand domain; and not __fish_seen_subcommand_from exec help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand domain; and not __fish_seen_subcommand_from exec help" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand domain; and not __fish_seen_subcommand_from exec help" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand domain; and not __fish_seen_subcommand_from exec help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand domain; and not __fish_seen_subcommand_from exec help" -f -a "exec" -d 'Run a program of the host as root of a domain, where it may mount'
complete -c sandbox -n "__fish_sandbox_using_subcommand domain; and not __fish_seen_subcommand_from exec help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand domain; and __fish_seen_subcommand_from exec" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand domain; and __fish_seen_subcommand_from exec" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand domain; and __fish_seen_subcommand_from exec" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand domain; and __fish_seen_subcommand_from exec" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand domain; and __fish_seen_subcommand_from exec" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand domain; and __fish_seen_subcommand_from help" -f -a "exec" -d 'Run a program of the host as root of a domain, where it may mount'
complete -c sandbox -n "__fish_sandbox_using_subcommand domain; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and not __fish_seen_subcommand_from systemd help" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and not __fish_seen_subcommand_from systemd help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and not __fish_seen_subcommand_from systemd help" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and not __fish_seen_subcommand_from systemd help" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and not __fish_seen_subcommand_from systemd help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and not __fish_seen_subcommand_from systemd help" -f -a "systemd" -d 'Print a systemd unit that keeps a sandbox running'
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and not __fish_seen_subcommand_from systemd help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and __fish_seen_subcommand_from systemd" -l restart-policy -d 'When systemd starts it again' -r -f -a "no\t''
on-success\t''
on-failure\t''
on-abnormal\t''
on-abort\t''
always\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and __fish_seen_subcommand_from systemd" -s t -l stop-timeout -l time -d 'Seconds that it may take to end; 10 if `run --stop-timeout` has not said otherwise' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and __fish_seen_subcommand_from systemd" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and __fish_seen_subcommand_from systemd" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and __fish_seen_subcommand_from systemd" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and __fish_seen_subcommand_from systemd" -s n -l name -d 'Accepted: the unit names the sandbox as you do'
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and __fish_seen_subcommand_from systemd" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and __fish_seen_subcommand_from systemd" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "systemd" -d 'Print a systemd unit that keeps a sandbox running'
complete -c sandbox -n "__fish_sandbox_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and not __fish_seen_subcommand_from check df prune reset help" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and not __fish_seen_subcommand_from check df prune reset help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and not __fish_seen_subcommand_from check df prune reset help" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and not __fish_seen_subcommand_from check df prune reset help" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and not __fish_seen_subcommand_from check df prune reset help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and not __fish_seen_subcommand_from check df prune reset help" -f -a "check" -d 'Read the whole store again, and tell what of it is damaged'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and not __fish_seen_subcommand_from check df prune reset help" -f -a "df" -d 'Show how much of the disk the store takes, and for what'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and not __fish_seen_subcommand_from check df prune reset help" -f -a "prune" -d 'Remove what nobody needs: sandboxes that do not run, layers without an image, and what interrupted commands left'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and not __fish_seen_subcommand_from check df prune reset help" -f -a "reset" -d 'Remove the whole store: images, layers, sandboxes, volumes'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and not __fish_seen_subcommand_from check df prune reset help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from check" -l format -d 'How to print what was found' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from check" -l tls-verify -d 'Whether to insist on HTTPS with a certificate that can be verified' -r -f -a "true\t''
false\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from check" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from check" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from check" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from check" -l repair -d 'Remove what is bad, and fetch it again'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from check" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from df" -l format -d 'How to print it' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from df" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from df" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from df" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from df" -s v -l verbose -d 'Show each image'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from df" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from df" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from prune" -l older-than -d 'Of images and sandboxes, only what was not used for so long, such as 7d' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from prune" -l filter -d 'The same in docker\'s notation: until=TIME' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from prune" -l format -d 'How to print what was removed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from prune" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from prune" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from prune" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from prune" -s a -l all -d 'Remove all images that no sandbox uses, too'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from prune" -l dry-run -d 'Only show what would be removed'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from prune" -s f -l force -d 'Do not ask'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from prune" -l volumes -d 'Remove volumes that no sandbox uses and nobody gave a name, too'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from prune" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from reset" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from reset" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from reset" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from reset" -s f -l force -d 'Do not ask'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from reset" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from reset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from help" -f -a "check" -d 'Read the whole store again, and tell what of it is damaged'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from help" -f -a "df" -d 'Show how much of the disk the store takes, and for what'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from help" -f -a "prune" -d 'Remove what nobody needs: sandboxes that do not run, layers without an image, and what interrupted commands left'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from help" -f -a "reset" -d 'Remove the whole store: images, layers, sandboxes, volumes'
complete -c sandbox -n "__fish_sandbox_using_subcommand system; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand info" -s f -l format -d 'text, json, or a template such as `{{.ServerVersion}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand info" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand info" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand info" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand info" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand version" -s f -l format -d 'text, json, or a template such as `{{.Client.Version}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand version" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand version" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand version" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand version" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -f -a "create" -d 'Make a volume, and print its name'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -f -a "ls" -d 'List volumes'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -f -a "inspect" -d 'Show everything about volumes, as JSON'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -f -a "rm" -d 'Remove volumes, with all that is in them'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -f -a "prune" -d 'Remove the volumes that no sandbox names and that nobody gave a name'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -f -a "export" -d 'Write what is in a volume to a tar'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -f -a "import" -d 'Put what a tar holds into a volume that no sandbox uses'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -f -a "clone" -d 'Make a volume with what is in another one'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -f -a "snapshot" -d 'Make a copy of a volume that can only be read'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -f -a "driver" -d 'Show what a CSI driver is and can do, as JSON (CSI `GetPluginInfo`)'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and not __fish_seen_subcommand_from create ls inspect rm prune export import clone snapshot driver help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from create" -s d -l driver -d 'local, a directory of the store; tmpfs, in memory; image, the files of an image; csi:NAME or csi:unix:///PATH, what a CSI driver makes' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from create" -s o -l opt -d 'Option of the driver, such as size=64m or image=NAME' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from create" -l label -d 'Note something down with it' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from create" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from create" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from create" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from create" -l ignore -d 'Do not mind if it is there, made with another driver or other options'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from create" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from ls" -s f -l filter -d 'Only those that fit: name=PART, label=KEY[=VALUE], driver=NAME, dangling=BOOL' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from ls" -s d -l driver -d 'Ask a CSI driver for all that it has, whoever made it: NAME, or unix:///PATH' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from ls" -l format -d 'How to print them: `text`, `json`, or a template such as `{{.Name}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from ls" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from ls" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from ls" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'Print names only'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from ls" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from inspect" -s f -l format -d 'How to print it: `json`, or a template such as `{{.Mountpoint}}`' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from inspect" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from inspect" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from inspect" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from inspect" -s s -l size -d 'Measure what they take of the disk, too; a CSI driver says it while they are used'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from inspect" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from rm" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from rm" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from rm" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from rm" -s f -l force -d 'Do not mind if there are none, or if they are damaged'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from rm" -l forget -d 'Ask no CSI driver: what it has of them stays there, and is ours no more'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from rm" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from prune" -l filter -d 'Only those that fit: name=PART, label=KEY[=VALUE], driver=NAME' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from prune" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from prune" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from prune" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from prune" -s a -l all -d 'Those that have a name, too'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from prune" -s f -l force -d 'Do not ask'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from prune" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from export" -s o -l output -d 'File to write (standard output if there is none)' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from export" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from export" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from export" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from export" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from import" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from import" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from import" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from import" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from clone" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from clone" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from clone" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from clone" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from clone" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from snapshot" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from snapshot" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from snapshot" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from snapshot" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from snapshot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from driver" -l root -d 'Directory for images and sandboxes [env: SANDBOX_ROOT]' -r -F
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from driver" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from driver" -l status-fd -d 'Write a line of JSON about each phase to this open descriptor' -r
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from driver" -l offline -d 'Ask no registry for images; what a sandbox reaches is for its --network to say [env: SANDBOX_OFFLINE]'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from driver" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from help" -f -a "create" -d 'Make a volume, and print its name'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from help" -f -a "ls" -d 'List volumes'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from help" -f -a "inspect" -d 'Show everything about volumes, as JSON'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from help" -f -a "rm" -d 'Remove volumes, with all that is in them'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from help" -f -a "prune" -d 'Remove the volumes that no sandbox names and that nobody gave a name'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from help" -f -a "export" -d 'Write what is in a volume to a tar'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from help" -f -a "import" -d 'Put what a tar holds into a volume that no sandbox uses'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from help" -f -a "clone" -d 'Make a volume with what is in another one'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from help" -f -a "snapshot" -d 'Make a copy of a volume that can only be read'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from help" -f -a "driver" -d 'Show what a CSI driver is and can do, as JSON (CSI `GetPluginInfo`)'
complete -c sandbox -n "__fish_sandbox_using_subcommand volume; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "run" -d 'Run a command in a new sandbox'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "create" -d 'Make a sandbox, and print its id'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "start" -d 'Start sandboxes that do not run'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "stop" -d 'Ask sandboxes to end, and insist after a while'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "restart" -d 'Stop sandboxes that run, and start them'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "kill" -d 'Send a signal to the command of sandboxes'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "pause" -d 'Hold all processes of sandboxes still'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "unpause" -d 'Let sandboxes go on that are paused'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "rm" -d 'Remove sandboxes, with everything that they wrote outside of volumes'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "rename" -d 'Call a sandbox by another name'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "ps" -d 'List sandboxes that run'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "logs" -d 'Show what a sandbox has written'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "attach" -d 'See what a sandbox writes from now on, and type to it'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "exec" -d 'Run one more command in a sandbox that runs'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "commit" -d 'Make an image of what a sandbox has become'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "cp" -d 'Copy files into a sandbox, or out of it'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "diff" -d 'Show which files a sandbox has added (A), changed (C) and deleted (D)'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "apply" -d 'Take over what a sandbox has changed in directories mounted with `:cow`'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "discard" -d 'Drop what a sandbox has changed in directories mounted with `:cow`'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "export" -d 'Write all files of a sandbox to a tar'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "events" -d 'Show what happens to sandboxes, until it is ended'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "wait" -d 'Wait until sandboxes have ended, and print their exit codes'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "port" -d 'Show which ports of the host lead into a sandbox'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "top" -d 'Show the processes of a sandbox'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "stats" -d 'Show what sandboxes use, each second anew'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "pull" -d 'Fetch an image and unpack it'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "push" -d 'Put an image into a registry'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "login" -d 'Log in to a registry, and stay so'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "logout" -d 'Forget the password for a registry'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "lock" -d 'Record in sandbox.lock what images are, so that `run --locked` takes just those'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "images" -d 'List the images in the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "rmi" -d 'Remove images from the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "tag" -d 'Give an image in the store a further name'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "save" -d 'Write images to an archive'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "load" -d 'Read images from an archive'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "import" -d 'Make an image of one layer from a tar of a file system'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "history" -d 'Show the steps by which an image was made, the last one first'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "inspect" -d 'Show what is known about sandboxes and images, as JSON'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "image" -d 'Work with images, by docker\'s grouped names'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "container" -d 'Work with sandboxes, by docker\'s grouped names'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "network" -d 'Networks on which sandboxes find each other by name'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "domain" -d 'Run programs where sandboxes are made'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "generate" -d 'Write files with which other programs run sandboxes'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "system" -d 'Look after the store: what it takes, what of it can go, whether it is whole'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "info" -d 'Show what this machine can do, and what to do where something is missing'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "version" -d 'Show the version of this program'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "volume" -d 'Make, list, copy and remove volumes'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and not __fish_seen_subcommand_from run create start stop restart kill pause unpause rm rename ps logs attach exec commit cp diff apply discard export events wait port top stats pull push login logout lock images rmi tag save load import history inspect image container network domain generate system info version volume help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "ls" -d 'List the images in the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "pull" -d 'Fetch an image and unpack it'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "push" -d 'Put an image into a registry'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "rm" -d 'Remove images from the store'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "tag" -d 'Give an image in the store a further name'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "save" -d 'Write images to an archive'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "load" -d 'Read images from an archive'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "import" -d 'Make an image of one layer from a tar of a file system'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "history" -d 'Show the steps by which an image was made, the last one first'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "inspect" -d 'Show what is known about sandboxes and images, as JSON'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "prune" -d 'Remove layers that no image needs'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "attach" -d 'See what a sandbox writes from now on, and type to it'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "create" -d 'Make a sandbox, and print its id'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "exec" -d 'Run one more command in a sandbox that runs'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "inspect" -d 'Show what is known about sandboxes and images, as JSON'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "kill" -d 'Send a signal to the command of sandboxes'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "logs" -d 'Show what a sandbox has written'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "ls" -d 'List sandboxes that run'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "port" -d 'Show which ports of the host lead into a sandbox'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "prune" -d 'Remove the sandboxes that do not run'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "rename" -d 'Call a sandbox by another name'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "restart" -d 'Stop sandboxes that run, and start them'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "rm" -d 'Remove sandboxes, with everything that they wrote outside of volumes'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "run" -d 'Run a command in a new sandbox'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "start" -d 'Start sandboxes that do not run'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "stop" -d 'Ask sandboxes to end, and insist after a while'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "top" -d 'Show the processes of a sandbox'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from container" -f -a "wait" -d 'Wait until sandboxes have ended, and print their exit codes'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from network" -f -a "check" -d 'Ask CNI plugins whether what they made is still there'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from network" -f -a "connect" -d 'Put a sandbox on a network'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from network" -f -a "create" -d 'Make a network, and print its id'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from network" -f -a "disconnect" -d 'Take a sandbox off a network'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from network" -f -a "gc" -d 'Undo what killed sandboxes have left on CNI networks'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from network" -f -a "inspect" -d 'Show networks, their addresses and members'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from network" -f -a "ls" -d 'List networks'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from network" -f -a "prune" -d 'Remove all networks that have no members'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from network" -f -a "rm" -d 'Remove networks that have no members'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from domain" -f -a "exec" -d 'Run a program of the host as root of a domain, where it may mount'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from generate" -f -a "systemd" -d 'Print a systemd unit that keeps a sandbox running'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from system" -f -a "check" -d 'Read the whole store again, and tell what of it is damaged'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from system" -f -a "df" -d 'Show how much of the disk the store takes, and for what'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from system" -f -a "prune" -d 'Remove what nobody needs: sandboxes that do not run, layers without an image, and what interrupted commands left'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from system" -f -a "reset" -d 'Remove the whole store: images, layers, sandboxes, volumes'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from volume" -f -a "create" -d 'Make a volume, and print its name'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from volume" -f -a "ls" -d 'List volumes'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from volume" -f -a "inspect" -d 'Show everything about volumes, as JSON'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from volume" -f -a "rm" -d 'Remove volumes, with all that is in them'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from volume" -f -a "prune" -d 'Remove the volumes that no sandbox names and that nobody gave a name'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from volume" -f -a "export" -d 'Write what is in a volume to a tar'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from volume" -f -a "import" -d 'Put what a tar holds into a volume that no sandbox uses'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from volume" -f -a "clone" -d 'Make a volume with what is in another one'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from volume" -f -a "snapshot" -d 'Make a copy of a volume that can only be read'
complete -c sandbox -n "__fish_sandbox_using_subcommand help; and __fish_seen_subcommand_from volume" -f -a "driver" -d 'Show what a CSI driver is and can do, as JSON (CSI `GetPluginInfo`)'
