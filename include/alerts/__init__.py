"""What a person has to know although nobody looks at the page: alerts, one per cause; and the gauges of the metrics."""
