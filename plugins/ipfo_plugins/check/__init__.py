"""Built-in plugins of this kind; each is one module, offered under its file's name."""
