"""Files that earlier versions have written, and how they were made: each folder is named after the commit."""
