"""The LMS database: reads its rows into the business records."""
