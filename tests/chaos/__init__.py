"""Chaos on the real stack: parts are killed, frozen, cut off and filled up while both sides change (decision 0034)."""
