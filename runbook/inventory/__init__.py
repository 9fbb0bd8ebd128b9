"""The inventory: what should be true of one cluster, in the operator's words."""
