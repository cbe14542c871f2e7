"""How each entity is read on both sides, and how it is written on each. Nothing is decided here (plan/)."""
