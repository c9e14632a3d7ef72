"""One script per revision, named by its number; the newest is ``tables.HEAD``. What was released is never edited."""
