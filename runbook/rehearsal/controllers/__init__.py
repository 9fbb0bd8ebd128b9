"""One controller a file. Each reacts to causes: objects, nodes' files, what a registry answers. None reads a scenario's name."""
