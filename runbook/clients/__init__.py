"""The one doorway each to the outside: the API server, registries, HTTP endpoints, nodes, Git, recorded objects."""
