"""What each benchmark prints: a name, a figure, and its goal."""
