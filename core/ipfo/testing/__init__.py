"""For authors of plugins: suites that say whether a plugin keeps its contract."""
