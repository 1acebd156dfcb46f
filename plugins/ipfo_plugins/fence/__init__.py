"""Built-in plugins of this kind; each is one module, chosen by `command` or by `fence-agents`."""
