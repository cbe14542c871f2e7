"""The roles of the pipeline and of the page; what each may do is in sql/qbo_sync/roles.sql."""

PIPELINE, PAGE = "pilot_pipeline", "pilot_page"
