"""What raw objects mean. Pure: no I/O and no clock; every function of time takes the time as an argument."""
