"""From TOML to frozen values: one file for the pair, every fault at once."""
