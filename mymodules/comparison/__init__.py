"""One pair of pictures to one row, and to its drawings."""
