"""The plugins that come with ipfo. The core finds these as it finds yours: by entry point."""
