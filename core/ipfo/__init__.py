"""IP failover for a pair of servers: one holder, soon, and it says why."""
