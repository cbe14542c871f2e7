"""The planner: from what both sides say and what they last agreed on, what to do. Pure functions only."""
