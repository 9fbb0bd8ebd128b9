"""What every change goes through: what stands in its way, capture, journal, permit, the answer, one operator at a time."""
