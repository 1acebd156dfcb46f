"""What each key of the config means, in words for people: the one place where it is said.

For a duration: what follows from it, what a longer and what a shorter one costs, what zero or its
absence means. ``*`` stands for a name that the file's author chooses.
"""

DESCRIPTIONS: dict[str, str] = {
    "plugins": "Further installed plugins, by entry-point name, in the order in which their phases"
    " run. What is chosen by its own name elsewhere (a transport, a provider, a notifier) need not"
    " be listed. Nothing that is not named is imported.",
    "import_hostconfig": "A hostconfig file of Mac OS X Server, read on each host as it is: what it"
    " says stands for keys that are absent here. Relative to this file. Absent: none is read.",
    "pair": "The two nodes, and when one takes over from the other.",
    "pair.name": "Tells this pair apart from others on the same wire, and names its state folder.",
    "pair.nodes": "The two nodes. The first is preferred unless a group says otherwise.",
    "pair.interval": "One heartbeat this often, on every link; 10ms is the least. Shorter: silence"
    " is noticed sooner, and loss of single datagrams is told better from it. Longer: less"
    " traffic, 200 bytes a heartbeat and link.",
    "pair.takeover_after": "Silence on every link for this long starts a takeover; at least 2"
    " intervals. The lease of a held address is the longest whole number of seconds that ends 0.4 s"
    " before it, 1 s at the least, and must be longer than the interval. Shorter: the outage after"
    " a power cut is shorter. Longer: more lost heartbeats and longer pauses are forgiven.",
    "pair.first_claim_after": "A node that is not preferred and has never heard its peer waits this"
    ' long after its start before it claims alone; "never": until it is told to. Shorter: after a'
    " power cut of both, one that stays alone serves sooner. Longer: a peer that boots slowly is"
    ' not overtaken. Never less than takeover_after; "0s" means just that.',
    "pair.key_file": "32 random bytes or more, the same on both hosts, readable by its owner only;"
    " `ipfo keygen` makes it. Relative to this file. Absent: who knows the pair's name"
    " can forge heartbeats, and each start warns of it.",
    "pair.control_group": "A Unix group whose members may use the control socket (status, handover)"
    " besides the daemon's own user. Absent: nobody else.",
    "pair.on_partition": "What to do with neither peer nor witness: who is alone serves.",
    "links": "The ways for the two nodes to hear each other, by name. Two that share no cable, card"
    " or switch are worth more than four that do.",
    "links.*.transport": "What carries the datagrams, by the name that a plugin offers.",
    "links.*.port": "The port, the same on both nodes; the default is the original's.",
    "links.*.addresses": "Each node's own address on this link, without prefix; both of one family."
    " From these a node knows which it is.",
    "links.*.interface": "The interface of this link, one name for both nodes or a table by node."
    " Absent: it follows from the address.",
    "groups": "Addresses that move together, all or none, by name.",
    "groups.*.addresses": "The service addresses, IPv4 or IPv6, with prefix length; without one it"
    " is a host address (/32, /128), which is right beside an address of the same subnet.",
    "groups.*.interface": "Where the addresses are put: one name for both nodes or a table by node."
    " Providers that use no interface need none; in a home group the home node's may be left out.",
    "groups.*.provider": "What puts the addresses on the interface, by the name that a plugin"
    " offers. Only with one that can lease does a killed or frozen daemon lose its address.",
    "groups.*.options": "The provider's own options.",
    "groups.*.preferred": "The node that wins a tie and that `ipfo failback` returns the group to."
    " Absent: the home node, else the first of pair.nodes.",
    "groups.*.home": "The node whose own address this is, set by its operating system. It finds the"
    " address instead of adding it, and holds it without a lease. Absent: a floating address that"
    " is no host's own, which is better where you may choose.",
    "groups.*.contested": 'What to do when after full silence the address still answers on the wire: "wait"'
    ' until it stops (nobody holds it twice), or "take" it (somebody may hold it twice).',
    "groups.*.failback": "How the group returns to the preferred node: by `ipfo failback`.",
    "groups.*.handover": "How a move that was asked for is made: released there, then acquired"
    " here.",
    "groups.*.announce_every": "The neighbours are told again this often while the group is held;"
    " 1s is the least. Shorter: a switch that forgot learns sooner. Longer: fewer broadcasts.",
    "groups.*.scripts": "The folder of phase scripts, as in /Library/IPFailover. Relative to this"
    " file. Absent: none are run.",
    "groups.*.phase_timeout": "How long each phase may take, all plugins and scripts together; more"
    " than zero. Shorter: a script that hangs delays a move less. Longer: a slow one may finish."
    " What is over it is killed; before an acquire that counts as a veto.",
    "groups.*.hooks": "Options of phase plugins, a table for each.",
    "notifiers": "Who tells people. Several of a kind are allowed; each gets each notice, once at"
    " least.",
    "notifiers.*.plugin": "The notifier, by the name that a plugin offers.",
    "notifiers.*.events": "What to tell of. Absent: everything.",
}
