"""The sync itself: change marks, links and bases, the planner, the four steps, sync errors."""
