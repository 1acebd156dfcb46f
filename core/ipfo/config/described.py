"""What each key of the config means, in words for people: the one place where it is said.

For a duration: what follows from it, what a longer and what a shorter one costs, what zero or its
absence means. ``*`` stands for a name that the file's author chooses.
"""

DESCRIPTIONS: dict[str, str] = {
    "plugins": "Further installed plugins, by entry-point name, in the order in which their phases"
    " run. What is chosen by its own name elsewhere (a transport, a provider, a check) need not"
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
    " intervals. The lease of a held address is the longest whole number of seconds that ends 0.7 s"
    " before it, 1 s at the least, and must be longer than the interval. Shorter: the outage after"
    " a power cut is shorter. Longer: more lost heartbeats and longer pauses are forgiven.",
    "pair.first_claim_after": "A node that is not preferred and has never heard its peer waits this"
    ' long after its start before it claims alone; "never": until it is told to. Shorter: after a'
    " power cut of both, one that stays alone serves sooner. Longer: a peer that boots slowly is"
    ' not overtaken. Never less than takeover_after; "0s" means just that.',
    "pair.key_file": "32 random bytes or more, the same on both hosts, readable by its owner only;"
    " `ipfo keygen` makes it. Relative to this file. Absent: who knows the pair's name"
    " can forge heartbeats, and each start warns of it.",
    "pair.accept_keys": "More key files, as in key_file: datagrams sealed with these keys are believed,"
    " and none is sent with them. So a key is changed without a missed heartbeat: both nodes accept"
    " the new one, both send with it, the old one is taken away, with `ipfo reload` each time."
    " Absent: only the key of key_file is accepted.",
    "pair.control_group": "A Unix group whose members may use the control socket (status, handover)"
    " besides the daemon's own user. Absent: nobody else.",
    "pair.dead_after": "Less than takeover_after, and at least 20ms more than the interval: once a"
    " heartbeat is late the peer is asked for an answer on every link, again and again, and the wire"
    " for the peer's own addresses; if nothing of all that answers until then, the peer's host is"
    " gone, and the takeover begins. Shorter: the outage after a power cut is shorter. Longer: longer"
    " pauses of the whole host (a virtual machine that is moved) are forgiven; one that is longer than"
    " this looks like the host's death. Absent: nothing is asked, only waited for.",
    "pair.on_partition": 'What to do with neither peer nor witness. "available": who is alone serves,'
    " so on a full partition both do, and the lower epoch lets go when they hear each other again."
    ' "consistent": a holder lets go and a standby stays put; it needs a witness or a fence.',
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
    "groups.*.failback": 'How the group returns to the preferred node: "auto", after failback_after'
    ' of steady health there; "manual", by `ipfo failback`; "never": not even then, each node is as'
    " good as the other.",
    "groups.*.failback_after": 'How long the preferred node must be well without a break before "auto"'
    " returns the group; at least one interval. Shorter: it is back sooner. Longer: a node that comes"
    " and goes does not take its clients along.",
    "groups.*.handover": 'How a move that was asked for is made. "strict": released there, then'
    ' acquired here; never on both, and out of service for some milliseconds. "seamless": acquired and'
    " announced here, then released there; on both for a moment, and not one packet lost.",
    "groups.*.with": "Other groups that stay on the same node as this one: all move or none, and one"
    " entry is enough for both. They must be alike in preferred, contested, failback, failback_after,"
    " handover, max_moves, per and announce_every, and none may have a home. Absent: it goes alone.",
    "groups.*.max_moves": "So many automatic moves within `per` freeze the group where it is: it moves no"
    " more by itself, not even if its holder dies, and people are told; `ipfo resume` or `ipfo handover` end that, or time. Smaller: clients are"
    " spared sooner from a group that goes to and fro. Larger: more failures in a row are survived.",
    "groups.*.per": "Within which time max_moves are counted, over both nodes; longer than max_moves"
    " takeovers take. Shorter: a frozen group is free again sooner. Longer: a slow to and fro is"
    " noticed too.",
    "groups.*.announce_every": "The neighbours are told again this often while the group is held;"
    " 1s is the least. Shorter: a switch that forgot learns sooner. Longer: fewer broadcasts.",
    "groups.*.scripts": "The folder of phase scripts, as in /Library/IPFailover. Relative to this"
    " file. Absent: none are run.",
    "groups.*.phase_timeout": "How long each phase may take, all plugins and scripts together; more"
    " than zero. Shorter: a script that hangs delays a move less. Longer: a slow one may finish."
    " What is over it is killed; before an acquire that counts as a veto.",
    "groups.*.hooks": "Options of phase plugins, a table for each.",
    "groups.*.checks": "The health of what the group stands for. A holder that is ill hands over to a"
    " peer that is well; if both are ill nothing moves, and people are told.",
    "groups.*.checks.*.plugin": "What is checked, by the name that a plugin offers.",
    "groups.*.checks.*.interval": "From the begin of a run to that of the next; no two overlap; 10ms is"
    " the least. A failure is noticed within interval times fall. Shorter: sooner. Longer: less work.",
    "groups.*.checks.*.timeout": "How long a run may take, less than the interval; what takes longer"
    " has failed. Shorter: what hangs is noticed sooner. Longer: what is slow under load still passes.",
    "groups.*.checks.*.rise": "So many runs must pass in a row before what was ill is well.",
    "groups.*.checks.*.fall": "So many runs must fail in a row before what was well is ill.",
    "groups.*.checks.*.start": 'What it counts as until its first runs have told: "well", or "ill",'
    " which keeps a node that has just been started from being given the group.",
    "groups.*.checks.*.when": '"always": on both nodes, so that one that could not serve is not given'
    ' the group. "holding": only where the group is held, for what runs there alone.',
    "notifiers": "Who tells people. Several of a kind are allowed; each gets each notice, once at"
    " least.",
    "notifiers.*.plugin": "The notifier, by the name that a plugin offers.",
    "notifiers.*.events": "What to tell of. Absent: everything.",
    "witnesses": "Third parties that are asked while the peer is silent. One that can only deny says"
    " that a node which cannot reach it is the isolated one; of several, one that is reached is enough."
    " One that votes grants a group to one node at most; there is one of that kind at most.",
    "witnesses.*.plugin": "The witness, by the name that a plugin offers.",
    "fence": "Makes sure that a silent peer is off before its groups are taken. If that fails, or is"
    " late, nothing is taken, and people are told.",
    "fence.plugin": "The fence, by the name that a plugin offers.",
    "fence.timeout": "How long one attempt may take; more than zero. Shorter: a fence that hangs is"
    " noticed sooner. Longer: one that is slow may finish. The takeover waits for it.",
    "fence.delay": "How long the node that does not hold the group waits before it fences, so that of"
    " two that cannot hear each other one is first. Longer: the outage is longer by that."
    ' "0s": none.',
    "engine": "How the process that sends heartbeats and decides goes before others on its host. Workers,"
    " with the code of plugins, have nothing of it. What the host does not allow is left, with a warning.",
    "engine.realtime": "Whether it is in a real-time class (SCHED_RR, the lowest priority): it runs as"
    " soon as it is due, however busy the host is. Worth it from 100 ms heartbeats on downwards. Needs"
    " root, CAP_SYS_NICE or a limit for real-time priorities (LimitRTPRIO=1 in a unit).",
    "engine.lock_memory": "Whether what it has touched of its memory is never paged out. Needs root,"
    " CAP_IPC_LOCK or a limit (LimitMEMLOCK=infinity in a unit).",
}
